// Times and lengths of time that somebody asks for: those that the database can reckon with.

/** In words, for those who asked for another one. */
export const MOMENTS_ARE = 'of the years 1970 to 9999'

/** The longest length of time that a list is asked for: 100 years, in seconds. */
export const LONGEST_ASKED_SECONDS = 100 * 365 * 86_400

/**
 * Whether a date is a time that can be asked for. Nothing here is older than the first of these years, and a year of other than four
 * digits is written in a way that PostgreSQL does not read.
 */
export function isMomentAsked(date: Date): boolean {
  const year = date.getUTCFullYear()
  return year >= 1970 && year <= 9999
}

/** Whether a time that begins with a day names one that there is: `Date` takes the 31st of November for the 1st of December. */
export function isOfADay(text: string): boolean {
  const [day] = /^\d{4}-\d{2}-\d{2}/.exec(text) ?? []
  if (day === undefined) return true
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}

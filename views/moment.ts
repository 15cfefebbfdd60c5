// Times on pages. Without a script nothing is known of the person's time zone, so a page says which one it means; the console's script
// puts the person's own in its place.
import { type Html, html } from './html.ts'

const FORMAT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

/** A time, as an element. */
export function moment(date: Date): Html {
  return html`<time datetime="${date.toISOString()}">${momentText(date)}</time>`
}

/** A time, as text. */
export function momentText(date: Date): string {
  return `${FORMAT.format(date)} UTC`
}

/** A length of time in the words that say it best: "3 days", "20 minutes". */
export function spokenDuration(seconds: number): string {
  for (const [unit, size] of UNITS) {
    if (seconds < size) continue
    const count = Math.floor(seconds / size)
    return `${count} ${unit}${count === 1 ? '' : 's'}`
  }
  return 'less than a minute'
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

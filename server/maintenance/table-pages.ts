// Which pages of a table a run goes through, where no index says what has expired.

/** A table of so few pages is gone through in one run. Of more, each run takes a tenth; which one, the time says. */
const PAGES_AT_ONCE = 2000
const PARTS = 10

/**
 * The pages of the run that is now, `to` not included.
 * @param measured.pages how many the table has
 * @param measured.now PostgreSQL's time in seconds, so that processes take the same part
 */
export function pagesOfRun(
  { pages, now }: { readonly pages: number; readonly now: number },
  everySeconds: number,
): { readonly from: number; readonly to: number } {
  if (pages <= PAGES_AT_ONCE) return { from: 0, to: pages }
  const size = Math.ceil(pages / PARTS)
  const from = (Math.floor(now / everySeconds) % PARTS) * size
  return { from, to: from + size }
}

/** As many pages are counted when it is asked what is left. */
export const PAGES_COUNTED = PAGES_AT_ONCE

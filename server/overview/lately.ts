// An answer that several want at once, or that takes a while to find and seldom changes: whoever asks while it is looked for, or within
// some seconds, gets the one that was found.

/** Makes a question that is asked again after so many seconds only, or when it failed. `clock` in milliseconds since the epoch. */
export function lately<Answer>(
  ask: () => Promise<Answer>,
  { seconds, clock }: { readonly seconds: number; readonly clock: () => number },
): () => Promise<Answer> {
  let found: { readonly at: number; readonly answer: Promise<Answer>; underWay: boolean } | undefined
  return async () => {
    const now = clock()
    if (found !== undefined && (found.underWay || (now >= found.at && now < found.at + seconds * 1000))) return found.answer
    const asked = { at: now, answer: ask(), underWay: true }
    found = asked
    try {
      return await asked.answer
    } catch (error) {
      if (found === asked) found = undefined
      throw error
    } finally {
      asked.underWay = false
    }
  }
}

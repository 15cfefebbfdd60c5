// Ends of very many rows in one transaction: their locks are taken at once, and then they are changed, a portion a statement. Each
// statement is done well within the time that one may take, on a slow machine too, and all of them are committed together.

/** As many rows as one statement changes. */
const PORTION = 2000

/** Runs a statement for some of the ids, until it has been run for each. */
export async function inPortions<Id>(ids: readonly Id[], run: (some: Id[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < ids.length; from += PORTION) await run(ids.slice(from, from + PORTION))
}

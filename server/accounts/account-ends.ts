// The end of an account's sessions, grants and tokens, as the events of accounts do it.
import { endAccount } from '../sessions/session-ends.ts'
import type { Ending } from '../tokens/ending.ts'
import type { RevocationEntry } from '../tokens/revocations.ts'

/** As many entries as an end writes one by one. Beyond, one that names the account takes their place. */
const MOST_EXACT_ENTRIES = 100

/** Ends all of an account's, but the session it keeps and what hangs from it. */
export async function endAllOfAccount(ending: Ending, accountId: string, keepSessionId?: string): Promise<void> {
  const already = ending.entries.length
  await endAccount(ending, accountId, keepSessionId)
  // A session that stays has access tokens that no entry may name.
  if (keepSessionId === undefined && ending.entries.length - already > MOST_EXACT_ENTRIES) {
    putInPlace(ending, already, { kind: 'sub', value: accountId, issuedUntilNow: true })
  }
}

/** Ends all of an account's for good: its id is never given again, so that all of its tokens, ever, can be named by it. */
export async function endAccountForGood(ending: Ending, accountId: string): Promise<void> {
  const already = ending.entries.length
  await endAccount(ending, accountId)
  putInPlace(ending, already, { kind: 'sub', value: accountId })
}

function putInPlace(ending: Ending, ofThoseFrom: number, entry: RevocationEntry): void {
  ending.entries.splice(ofThoseFrom, ending.entries.length, entry)
}

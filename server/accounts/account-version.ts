// Which state of an account somebody has seen: a digest of all that can be changed of it, so that a change can be refused that was
// made for another state.
import { createHash } from 'node:crypto'
import type { Account } from './accounts-store.ts'

/** The account has been changed since whoever changes it has seen it. */
export class StaleAccount extends Error {
  override readonly name = 'StaleAccount'
}

/** The version of an account. */
export function accountVersion({ id, email, emailVerified, name, profile, roles, status }: Account): string {
  // The database gives the members of a profile in an order of its own, always the same.
  const state = JSON.stringify([id, email, emailVerified, name ?? null, profile, roles, status])
  return createHash('sha256').update(state).digest('base64url').slice(0, 22)
}

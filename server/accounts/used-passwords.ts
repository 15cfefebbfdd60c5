// Whether a password is one of an account's last few, which cannot be taken again.
import type { PasswordPolicy } from '../../config/password-policy.ts'
import type { Database } from '../storage/postgres.ts'
import { selectLastPasswords } from './accounts-store.ts'
import type { Passwords } from './passwords.ts'

/** Looks. @throws HashingBusy */
export async function wasUsedBefore(
  deps: { readonly db: Database; readonly passwords: Pick<Passwords, 'verify'>; readonly policy: PasswordPolicy },
  accountId: string,
  next: string,
): Promise<boolean> {
  const { db, passwords, policy } = deps
  if (policy.history === 0) return false
  // One after the other: a change of password must not take the places of five sign-ins at once.
  for (const { hash } of await selectLastPasswords(db, accountId, policy.history)) {
    if (await passwords.verify(hash, next)) return true
  }
  return false
}

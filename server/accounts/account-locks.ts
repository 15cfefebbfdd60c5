// What slows sign-ins to an account down, as administrators see and lift it.
import { type Change, recordChange } from '../audit/change.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { lockedAccount } from './account-standing.ts'
import type { Account } from './accounts-store.ts'
import type { CountedKeys } from './counted-keys.ts'
import { emailKey } from './email-key.ts'
import { type Counted, countLockedAccounts, deleteFailures, knownAddresses, selectFailures } from './sign-in-failures-store.ts'

/** Failures in a row. */
export interface FailureCount {
  readonly what: Counted
  readonly failures: number
  /** The next attempt has to wait until then; undefined: it does not. */
  readonly until?: Date
}

/** How it stands with an account. */
export interface LockoutState {
  /** Undefined: nothing has to wait. */
  readonly until?: Date
  readonly counts: readonly FailureCount[]
}

/** Looks at what slows accounts down, and lifts it. */
export interface AccountLocks {
  stateOf(account: { readonly id: string; readonly emailKey: string }): Promise<LockoutState>
  /** How many accounts there are at which something has to wait now. */
  countLocked(): Promise<number>
  /** Forgets the failures at an account; how many counts there were. @throws AccountRefused */
  unlock(accountId: string, change: Change): Promise<number>
  /** The same, as a part of a change in progress, and without a word. */
  forgetWithin(tx: Transaction, account: Pick<Account, 'id' | 'email'>): Promise<number>
}

/** Makes it. */
export function createAccountLocks({ db, keysOf }: { readonly db: Database; readonly keysOf: CountedKeys }): AccountLocks {
  async function forgetWithin(tx: Transaction, { id, email }: Pick<Account, 'id' | 'email'>): Promise<number> {
    const key = emailKey(email)
    return deleteFailures(tx, keysOf({ id, emailKey: key }, await knownAddresses(tx, key)).keys())
  }

  return {
    forgetWithin,

    async stateOf(account) {
      const keys = keysOf(account, await knownAddresses(db, account.emailKey))
      const found = await selectFailures(db, keys.keys())
      const counts = found.map(({ key, failures, until }) => ({
        what: keys.get(key) ?? 'sign_in',
        failures,
        ...(until === null ? {} : { until }),
      }))
      const last = Math.max(...found.map(({ until }) => until?.getTime() ?? 0))
      return { counts, ...(last > 0 ? { until: new Date(last) } : {}) }
    },

    countLocked: () => countLockedAccounts(db),

    unlock: (accountId, change) =>
      db.$transaction(async (tx) => {
        const counts = await forgetWithin(tx, await lockedAccount(tx, accountId, change))
        if (counts > 0) await recordChange(tx, 'account.unlocked', change, { accountId })
        return counts
      }),
  }
}

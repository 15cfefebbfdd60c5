// The parts of accounts/ put together on a database of their own, for tests.
import { createAccountLocks } from '../../server/accounts/account-locks.ts'
import { createAccounts } from '../../server/accounts/accounts.ts'
import { createCountedKeys } from '../../server/accounts/counted-keys.ts'
import { createHashingPool, type HashJob } from '../../server/accounts/hashing-pool.ts'
import { createLockout } from '../../server/accounts/lockout.ts'
import { createPasswordChange } from '../../server/accounts/password-change.ts'
import { createPasswords } from '../../server/accounts/passwords.ts'
import { createSetupLinks } from '../../server/accounts/setup-links.ts'
import { createSignIn } from '../../server/accounts/sign-in.ts'
import { openPostgres } from '../../server/storage/postgres.ts'
import { createEndings, type Ended } from '../../server/tokens/ending.ts'
import { createDatabase, moveDatabaseClock, PATIENT } from '../support/postgres.ts'

/** Weak and quick: what is tested here is not the strength of the hash. */
export const HASHING = { memoryKiB: 1024, passes: 2, parallelism: 1, concurrency: 2, maxQueue: 200 }
export const POLICY = { minLength: 12, maxLength: 256, history: 5 }
export const ORIGIN = { address: '192.0.2.7', userAgent: 'curl/8', requestId: 'req-1' }

/** What ended, as the injected function of sessions/ was told. */
export interface ToldEnd {
  readonly accountId: string
  readonly keepSessionId: string
}

/** What it ends, without revocations. */
export const ENDED: Ended = { sessions: 2, grants: 3, refresh_families: 4, logout_notifications: 5, sequence: 0 }

export type People = Awaited<ReturnType<typeof openPeople>>

/** Opens everything. */
export async function openPeople() {
  const database = await createDatabase()
  const { db, close } = await openPostgres({ url: database.url, poolSize: 10, ...PATIENT })
  const jobs: HashJob[] = []
  const pool = createHashingPool({ ...HASHING, maxWait: 20_000 })
  const passwords = createPasswords({
    hashing: HASHING,
    pool: {
      run(job) {
        jobs.push(job)
        return pool.run(job)
      },
      prepare: () => undefined,
      waiting: () => pool.waiting(),
      close: () => pool.close(),
    },
  })
  const ends: ToldEnd[] = []
  const endings = createEndings({ db, accessTokenLifeSeconds: () => 900, announce: () => undefined })
  const accounts = createAccounts({ db, passwords })
  const keyed = { db, secret: Buffer.alloc(32, 1), addressKey: (address: string) => address }
  const lockout = createLockout(keyed)
  return {
    db,
    passwords,
    accounts,
    lockout,
    endings,
    locks: createAccountLocks({ db, keysOf: createCountedKeys(keyed) }),
    signIn: createSignIn({ db, passwords, lockout }),
    changePassword: createPasswordChange({
      db,
      passwords,
      lockout,
      policy: POLICY,
      endings,
      async endOthers({ counts }, accountId, keepSessionId) {
        ends.push({ accountId, keepSessionId })
        Object.assign(counts, { sessions: 2, grants: 3, refreshFamilies: 4, logoutNotifications: 5 })
      },
    }),
    setupLinks: createSetupLinks({ db, accounts, passwords, policy: POLICY, lifetimeSeconds: 1800 }),
    /** Every hash that was computed, in order. */
    jobs,
    /** What changes of passwords ended. */
    ends,
    audit: (name: string) => db.auditEvent.findMany({ where: { name }, orderBy: { id: 'asc' } }),
    /** From now on the database's clock is ahead by so much. */
    advance: (seconds: number) => moveDatabaseClock(database.url, seconds),
    async close() {
      await passwords.close()
      await close()
      await database.drop()
    },
  }
}

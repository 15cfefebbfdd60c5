// Whose failures are counted under which key. The keys are digests (lockout-keys.ts), so it is found the other way round: by the digests
// of the accounts at which something has failed lately.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { SLOWING } from './lockout.ts'
import { createLockoutKeys, type LockoutKey } from './lockout-keys.ts'

/** What is counted: sign-ins from wherever, those from places that are known, and changes of the password. */
export type Counted = 'sign_in' | 'sign_in_from_known_place' | 'password_change'

/** An account at which something has failed lately. */
export interface Suspect {
  readonly id: string
  readonly email: string
  readonly name: string | null
}

/** Keys with what is counted under each. */
export interface LockOwners {
  /** All that is counted of an account; `addresses` are the places that are known. */
  keysOf(account: { readonly id: string; readonly emailKey: string }, addresses: readonly string[]): KeyMap<Counted>
  /** Of all accounts at which something has failed lately. */
  suspects(): Promise<KeyMap<{ readonly what: Counted; readonly account: Suspect }>>
}

/** What it needs: the same as whoever counts (lockout.ts). */
export interface LockOwnersDeps {
  readonly db: Database
  readonly secret: Buffer
  readonly addressKey: (address: string) => string
}

/** Makes it. */
export function createLockOwners(deps: LockOwnersDeps): LockOwners {
  const keys = createLockoutKeys(deps)

  function keysOf(account: { readonly id: string; readonly emailKey: string }, addresses: readonly string[]): KeyMap<Counted> {
    const found = new KeyMap<Counted>()
    found.set(keys.signIn(account.emailKey), 'sign_in')
    found.set(keys.confirmation(account.id), 'password_change')
    for (const address of addresses) found.set(keys.signInFrom(account.emailKey, address), 'sign_in_from_known_place')
    return found
  }

  return {
    keysOf,
    async suspects() {
      const owners = new KeyMap<{ what: Counted; account: Suspect }>()
      for (const { emailKey, addresses, ...account } of await selectSuspects(deps.db)) {
        for (const [key, what] of keysOf({ id: account.id, emailKey }, addresses).entries()) owners.set(key, { what, account })
      }
      return owners
    },
  }
}

/** A map by the bytes of keys. */
export class KeyMap<Value> {
  readonly #values = new Map<string, readonly [LockoutKey, Value]>()

  get(key: Uint8Array): Value | undefined {
    return this.#values.get(Buffer.from(key).toString('hex'))?.[1]
  }

  set(key: LockoutKey, value: Value): void {
    this.#values.set(key.toString('hex'), [key, value])
  }

  entries(): (readonly [LockoutKey, Value])[] {
    return [...this.#values.values()]
  }

  keys(): LockoutKey[] {
    return this.entries().map(([key]) => key)
  }
}

/** So many of the latest failures are looked at. */
const MOST_LATE_FAILURES = 5000

/** Whatever has to wait now has failed within the longest wait. */
const LATE_SECONDS = SLOWING.longestWaitSeconds + 60

async function selectSuspects(
  db: Database,
): Promise<(Suspect & { readonly emailKey: string; readonly addresses: readonly string[] })[]> {
  return db.$queryRaw(Prisma.sql`
    SELECT a.id, a.email, a.name, a.email_key AS "emailKey", array_remove(array_agg(DISTINCT host(late.address)), NULL) AS addresses
    FROM (SELECT account_id, address
          FROM (${latest('sign_in.failed')} UNION ALL ${latest('password.change_refused')}) latest
          WHERE at > latchkey_now() - make_interval(secs => ${LATE_SECONDS})) late
    JOIN accounts a ON a.id = late.account_id AND a.status <> 'deleted' GROUP BY a.id`)
}

/** In the order of their ids, by which events are found by name. */
function latest(name: string): Prisma.Sql {
  return Prisma.sql`
    (SELECT account_id, address, at FROM audit_events WHERE name = ${name} ORDER BY id DESC LIMIT ${MOST_LATE_FAILURES})`
}

// What is counted of an account, and under which keys. The keys are digests (lockout-keys.ts): they are found from the account, and
// whose a key is stands beside what is counted under it.
import { createLockoutKeys, type LockoutKey } from './lockout-keys.ts'
import type { Counted } from './sign-in-failures-store.ts'

/** The keys of all that is counted of an account, each with what it is; `addresses` are the places that are known. */
export type CountedKeys = (
  account: { readonly id: string; readonly emailKey: string },
  addresses: readonly string[],
) => KeyMap<Counted>

/** Makes it. It needs the same as whoever counts (lockout.ts). */
export function createCountedKeys(deps: {
  readonly secret: Buffer
  readonly addressKey: (address: string) => string
}): CountedKeys {
  const keys = createLockoutKeys(deps)
  return (account, addresses) => {
    const found = new KeyMap<Counted>()
    found.set(keys.signIn(account.emailKey), 'sign_in')
    found.set(keys.confirmation(account.id), 'password_change')
    for (const address of addresses) found.set(keys.signInFrom(account.emailKey, address), 'sign_in_from_known_place')
    return found
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

  keys(): LockoutKey[] {
    return [...this.#values.values()].map(([key]) => key)
  }
}

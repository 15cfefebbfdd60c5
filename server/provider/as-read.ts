// What a token is made of, as of the read that authorises it: its client, and the key that signs it. The library goes on with what it
// has found of the client at first, and with the keys that it was built with; a change that was committed before that read must count.
import { isDeepStrictEqual } from 'node:util'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { TransactionLost } from '../storage/errors.ts'
import type { SeenByRead } from '../tokens/minting.ts'
import type { KnownClient, Registry } from './registry.ts'

/** The library's clients, each with the registration that it was made of. */
const registrations = new WeakMap<object, KnownClient>()

/** Remembers what a client of the library's was made of. */
export function noteRegistration(client: object, registration: KnownClient): void {
  registrations.set(client, registration)
}

/**
 * Refuses what the library would give to a client that is registered differently by now: it asks again, and is known anew.
 * @throws TransactionLost
 */
export async function refuseChangedClient({ oidc: { client } }: KoaContextWithOIDC, registry: Registry): Promise<void> {
  if (client === undefined) return
  const current = await registry.client(client.clientId)
  const used = registrations.get(client)
  if (current === undefined || used === undefined || !isSame(used, current)) {
    throw new TransactionLost('postgres', 'the client was changed while it was being answered')
  }
}

/** What a Provider makes tokens of: what is registered, and its keys. */
export interface Knowledge {
  readonly registry: Registry
  readonly keys: SigningKeys
}

/**
 * The same, as of a read that has seen a state of what is registered, and of keys that are compromised; this process may be behind it.
 * @throws StorageUnavailable
 */
export async function refuseBehind(ctx: KoaContextWithOIDC, { registry, keys }: Knowledge, read: SeenByRead): Promise<void> {
  refuseCompromised(keys, read.compromisedKeys)
  await registry.catchUp(read.registryVersion)
  await refuseChangedClient(ctx, registry)
}

/** Refuses to sign with a key that somebody else may have: whoever asks again gets the next one. @throws TransactionLost */
export function refuseCompromised(keys: SigningKeys, compromised: Iterable<string>): void {
  const signing = new Set(keys.privateJwks.keys.map(({ kid }) => kid))
  for (const kid of compromised) {
    if (signing.has(kid))
      throw new TransactionLost('postgres', 'the signing key was taken out of use while the client was being answered')
  }
}

function isSame(one: KnownClient, other: KnownClient): boolean {
  return one === other || isDeepStrictEqual(one.metadata, other.metadata)
}

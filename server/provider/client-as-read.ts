// The client that a token is made for, between its authentication and the read that authorises the token. The library goes on with
// what it has found of the client at first; a change that was committed in between must count, as it counts in that read.
import { isDeepStrictEqual } from 'node:util'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { TransactionLost } from '../storage/errors.ts'
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

/**
 * The same, as of a read that has seen a state of what is registered; this process may be behind it.
 * @throws StorageUnavailable
 */
export async function refuseClientBehind(ctx: KoaContextWithOIDC, registry: Registry, version: bigint): Promise<void> {
  await registry.catchUp(version)
  await refuseChangedClient(ctx, registry)
}

function isSame(one: KnownClient, other: KnownClient): boolean {
  return one === other || isDeepStrictEqual(one.metadata, other.metadata)
}

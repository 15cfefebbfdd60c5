// Clients: the applications that may ask for tokens (RFC 6749 §2). Every change belongs to an end in progress (tokens/ending.ts),
// whose transaction it is part of: it is written to the audit log with it, and ends the tokens that it takes the ground from.
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../config/clock.ts'
import { type Change, recordChange } from '../audit/change.ts'
import { differences } from '../audit/differences.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Ending } from '../tokens/ending.ts'
import type { ClientMetadata } from './client-metadata-members.ts'
import { clientSecretDigest, clientSecretFault, MOST_CLIENT_SECRETS, newSecretId, type StoredSecret } from './client-secrets.ts'
import {
  ClientRefused,
  compromiseClientSecrets,
  deleteClient,
  lockedClient,
  refuseOutOfReach,
  reinstateClient,
  suspendClient,
} from './client-standing.ts'
import {
  boundSecrets,
  type Client,
  deleteSecrets,
  insertClient,
  insertSecret,
  selectClient,
  selectClientIdsByScope,
  selectClients,
  updateClient,
} from './clients-store.ts'
import { isCompromised, selectCompromised } from './compromised-secrets-store.ts'

export type { Client } from './clients-store.ts'

/** The clients of one database. */
export interface Clients {
  find(id: string): Promise<Client | undefined>
  /** All of them, by client_id. */
  list(tx?: Transaction): Promise<Client[]>
  /** The clients that may ask for one of these scopes. */
  idsByScope(tx: Transaction, scopes: readonly string[]): Promise<string[]>
  /** Registers a client. @throws ClientRefused when the client_id is taken */
  create(
    ending: Ending,
    client: { readonly metadata: ClientMetadata; readonly managedBy?: string },
    change: Change,
  ): Promise<void>
  /**
   * Changes a client; says which members are different now. What it may no longer ask for ends with its access tokens.
   * @throws ClientRefused when there is no such client
   */
  update(
    ending: Ending,
    client: { readonly metadata: ClientMetadata; readonly managedBy?: string },
    change: Change,
  ): Promise<string[]>
  /**
   * Suspends a client: nobody can use it, and all it has been given has ended, also when it is reinstated one day.
   * @throws ClientRefused when there is no such client, or it is the server's own
   */
  suspend(ending: Ending, id: string, change: Change): Promise<void>
  /** Lets a suspended client in again. People sign in to it anew. @throws ClientRefused */
  reinstate(ending: Ending, id: string, change: Change): Promise<void>
  /** Removes a client with its grants; every token of its is dead, also when it is registered again. @throws ClientRefused */
  delete(ending: Ending, id: string, change: Change): Promise<void>
  /** Ends all that a client has been given, and takes its secrets: somebody else has had them. @throws ClientRefused */
  compromiseSecrets(ending: Ending, id: string, change: Change): Promise<void>
  /**
   * Gives a client another secret. The ones before it stay good for `overlapSeconds`; more than two there never are.
   * @throws ClientRefused when the secret is not good enough or was compromised, or there is no such client
   */
  addSecret(ending: Ending, secret: NewClientSecret, change: Change): Promise<string>
  /** Takes one secret away; false when the client has none such. @throws ClientRefused when there is no such client */
  deleteSecret(ending: Ending, secret: { readonly clientId: string; readonly secretId: string }, change: Change): Promise<boolean>
  /** Takes all secrets away, from a client that no longer authenticates by one. */
  removeSecrets(ending: Ending, clientId: string, change: Change): Promise<void>
  /** Tells whether a secret of a client was compromised, and so is never taken again. */
  compromised(tx: Transaction): Promise<(clientId: string, secret: string) => boolean>
}

/** A secret for a client, and how long the ones before it stay good. */
export interface NewClientSecret {
  readonly clientId: string
  readonly secret: string
  readonly expiresAt?: Date
  readonly overlapSeconds: number
}

/** Makes them. */
export function createClients({ db, clock }: { readonly db: Database; readonly clock: Clock }): Clients {
  return {
    find: (id) => selectClient(db, id),
    list: (tx) => selectClients(tx ?? db),
    idsByScope: selectClientIdsByScope,

    async create({ tx }, { metadata, managedBy }, change) {
      const clientId = metadata.client_id
      refuseOutOfReach(metadata.scope, change)
      const made = await insertClient(tx, { metadata, managedBy: managedBy ?? null })
      if (!made) throw new ClientRefused(`the client ${clientId} is there already`)
      const { scope, grant_types, redirect_uris, skip_consent } = metadata
      await recordChange(tx, 'client.created', change, { clientId, detail: { scope, grant_types, redirect_uris, skip_consent } })
    },

    async update(ending, { metadata, managedBy }, change) {
      const { tx } = ending
      const before = await lockedToChange(tx, metadata, change)
      const members = changedMembers(before.metadata, metadata)
      const manager = managedBy ?? before.managedBy
      if (members.length === 0 && before.managedBy === manager) return []
      await updateClient(tx, { metadata, managedBy: manager ?? null })
      await recordChange(tx, 'client.updated', change, {
        clientId: before.id,
        detail: { members, changes: differences(members, before.metadata, metadata) },
      })
      if (isNarrower(before.metadata, metadata)) endTokens(ending, before.id)
      return members
    },

    suspend: suspendClient,
    reinstate: reinstateClient,
    delete: deleteClient,
    compromiseSecrets: compromiseClientSecrets,

    addSecret: (ending, secret, change) => addSecret(ending, secret, change, clock()),

    async deleteSecret({ tx }, { clientId, secretId }, change) {
      const { secrets } = await lockedClient(tx, clientId, change)
      if (!secrets.some(({ id }) => id === secretId)) return false
      await deleteSecrets(tx, [secretId])
      await recordChange(tx, 'client_secret.deleted', change, { clientId, detail: { secret_ids: [secretId] } })
      return true
    },

    async removeSecrets({ tx }, clientId, change) {
      const { secrets } = await lockedClient(tx, clientId, change)
      if (secrets.length === 0) return
      const ids = secrets.map((secret) => secret.id)
      await deleteSecrets(tx, ids)
      await recordChange(tx, 'client_secret.deleted', change, { clientId, detail: { secret_ids: ids } })
    },

    async compromised(tx) {
      const known = await selectCompromised(tx)
      return (clientId, secret) => {
        const digest = clientSecretDigest(secret)
        return known.some((one) => one.clientId === clientId && digest.equals(one.digest))
      }
    },
  }
}

/** A client that is to become so, its row locked. @throws ClientRefused */
export async function lockedToChange(tx: Transaction, metadata: ClientMetadata, change: Change): Promise<Client> {
  const before = await lockedClient(tx, metadata.client_id, change)
  refuseOutOfReach(metadata.scope, change)
  return before
}

/** `now` is in milliseconds since the epoch. */
async function addSecret(
  { tx }: Ending,
  { clientId, secret, expiresAt, overlapSeconds }: NewClientSecret,
  change: Change,
  now: number,
): Promise<string> {
  const fault = clientSecretFault(secret)
  if (fault !== undefined) throw new ClientRefused(`the secret of ${clientId}: ${fault}`)
  const { secrets } = await lockedClient(tx, clientId, change)
  const digest = clientSecretDigest(secret)
  if (await isCompromised(tx, clientId, digest))
    throw new ClientRefused(`the secret of ${clientId}: it was marked as compromised, and is never taken again`)
  if (expiresAt !== undefined && expiresAt.getTime() <= now)
    throw new ClientRefused(`the secret of ${clientId}: it would have ended before it began`)
  await boundSecrets(tx, clientId, new Date(now + overlapSeconds * 1000))
  await deleteSecrets(tx, surplus(secrets, overlapSeconds === 0 ? Number.POSITIVE_INFINITY : now))
  const id = newSecretId()
  await insertSecret(tx, { id, clientId, digest, expiresAt: expiresAt ?? null })
  await recordChange(tx, 'client_secret.created', change, {
    clientId,
    detail: { secret_id: id, overlap_seconds: overlapSeconds },
  })
  return id
}

/** The members that differ between two registrations. */
export function changedMembers(before: ClientMetadata, after: ClientMetadata): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof ClientMetadata>
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name])).sort(byName)
}

function byName(one: string, other: string): number {
  return one < other ? -1 : 1
}

/** Secrets that have ended by `now`, and the oldest of those that would be too many beside a new one. */
function surplus(secrets: readonly StoredSecret[], now: number): string[] {
  const good = secrets.filter((secret) => secret.expiresAt === undefined || secret.expiresAt > now)
  const kept = now === Number.POSITIVE_INFINITY ? [] : good.slice(-(MOST_CLIENT_SECRETS - 1))
  return secrets.filter((secret) => !kept.includes(secret)).map((secret) => secret.id)
}

/** Whether a client may ask for less than before. */
export function isNarrower(before: ClientMetadata, after: ClientMetadata): boolean {
  const scopes = after.scope.split(' ')
  return (
    before.scope.split(' ').some((scope) => !scopes.includes(scope)) ||
    before.grant_types.some((grantType) => !after.grant_types.includes(grantType))
  )
}

/** The access tokens that are out are dead; a client that is still there gets new ones, by what it may ask for now. */
function endTokens(ending: Ending, clientId: string): void {
  ending.entries.push({ kind: 'client_id', value: clientId, issuedUntilNow: true })
}

// Whether a client may be used at all: suspended, let in again, deleted, compromised. What it has been given ends by one row
// that says so, however much it is; the rows of its grants are ended afterwards (maintenance/void-grants.ts).
import { ADMIN_SCOPES } from '../../config/scopes.ts'
import { type Change, reaches, recordChange } from '../audit/change.ts'
import { countGrantsOfClient } from '../grants/grants.ts'
import { allowLongStatements, type Transaction } from '../storage/postgres.ts'
import type { Ending } from '../tokens/ending.ts'
import { countFamiliesOfClient } from '../tokens/family-ends.ts'
import { REGISTRY_LAG_SECONDS } from '../tokens/revocations.ts'
import { type Client, deleteSecrets, emptyClient, lockClient, voidClient } from './clients-store.ts'
import { rememberCompromised } from './compromised-secrets-store.ts'

/** A client cannot be made or changed as asked; the message says why, without a secret. */
export class ClientRefused extends Error {
  override readonly name = 'ClientRefused'
}

/** There is no such client. */
export class ClientUnknown extends ClientRefused {}

/** The client may do more than the one who would make or change it. */
export class ClientOutOfReach extends ClientRefused {}

/**
 * A client that is there, its row locked. Whoever gave a secret to a client that may use the admin API would have what it may do, so
 * it is out of reach for those who have less.
 * @throws ClientRefused
 */
export async function lockedClient(tx: Transaction, id: string, change: Change): Promise<Client> {
  const client = await lockClient(tx, id)
  if (client === undefined) throw new ClientUnknown(`there is no client ${id}`)
  refuseOutOfReach(client.metadata.scope, change)
  return client
}

/** Whether a client with this `scope` may do no more than the one who would make or change it. */
export function isClientInReach({ scope }: { readonly scope: string }, change: Change): boolean {
  const ofAdminApi = scope.split(' ').filter((word) => ADMIN_SCOPES.includes(word))
  return reaches(change, new Set(ofAdminApi))
}

/** @throws ClientOutOfReach when a client with this `scope` would reach beyond the one who makes or changes it */
export function refuseOutOfReach(scope: string, change: Change): void {
  if (isClientInReach({ scope }, change)) return
  throw new ClientOutOfReach(
    'nobody can give a client scopes of the admin API that they do not have, or change one that has them',
  )
}

/** What each deed asks before it does anything. @throws ClientRefused */
export const CLIENT_CHECKS = { suspend: lockedUsable, reinstate: lockedUsable, compromise: lockedUsable } as const

/** Suspends a client. */
export async function suspendClient(ending: Ending, id: string, change: Change): Promise<void> {
  const client = await lockedUsable(ending.tx, id, change)
  if (client.status === 'suspended') return
  await endGiven(ending, id, 'suspended')
  await recordChange(ending.tx, 'client.suspended', change, { clientId: id })
}

/**
 * Lets a suspended client in again. What was given in the moment of its suspension, by a process that had not heard of it, is
 * void now as well.
 */
export async function reinstateClient(ending: Ending, id: string, change: Change): Promise<void> {
  const client = await lockedUsable(ending.tx, id, change)
  if (client.status === 'active') return
  await voidClient(ending.tx, id, 'active')
  await recordChange(ending.tx, 'client.reinstated', change, { clientId: id })
}

/** Deletes a client: its row stays without contents while rows of its grants do, so that they stay void. */
export async function deleteClient(ending: Ending, id: string, change: Change): Promise<void> {
  await lockedUsable(ending.tx, id, change)
  await endGiven(ending, id, 'deleted')
  await emptyClient(ending.tx, id)
  await recordChange(ending.tx, 'client.deleted', change, { clientId: id })
}

/** Ends all that a client has been given, and takes its secrets. */
export async function compromiseClientSecrets(ending: Ending, id: string, change: Change): Promise<void> {
  const { status, secrets } = await lockedUsable(ending.tx, id, change)
  const ids = secrets.map((secret) => secret.id)
  await endGiven(ending, id, status)
  await rememberCompromised(ending.tx, id)
  await deleteSecrets(ending.tx, ids)
  await recordChange(ending.tx, 'client_secret.compromised', change, { clientId: id, detail: { secret_ids: ids } })
}

/** Ends what the client has been given. Its tokens are named by one entry, since there may be very many. */
async function endGiven(ending: Ending, id: string, status: Client['status'] | 'deleted'): Promise<void> {
  // Only counted: nobody waits until a hundred thousand rows are written. That takes a while too where the machine is busy.
  await allowLongStatements(ending.tx)
  ending.counts.grants += await countGrantsOfClient(ending.tx, id)
  ending.counts.refreshFamilies += await countFamiliesOfClient(ending.tx, id)
  await voidClient(ending.tx, id, status)
  ending.entries.push({ kind: 'client_id', value: id, issuedUntilNow: true, stillIssuedSeconds: REGISTRY_LAG_SECONDS })
}

/** Without its own client the server has no pages. */
async function lockedUsable(tx: Transaction, id: string, change: Change): Promise<Client> {
  const client = await lockedClient(tx, id, change)
  if (client.managedBy === 'latchkey') throw new ClientRefused(`the client ${id} is the server’s own`)
  return client
}

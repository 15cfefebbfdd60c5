// Clients as administrators register and change them by hand. What a provision file has made is changed there: the file would undo
// anything else at its next application. What ends something in an emergency (suspension, compromised secrets) is no part of a file.
import type { Change } from '../audit/change.ts'
import { managerFault } from '../audit/managers.ts'
import { checkVersion } from '../audit/versions.ts'
import type { Transaction } from '../storage/postgres.ts'
import type { Ended, Ending, Endings } from '../tokens/ending.ts'
import { usesSecret } from './client-kinds.ts'
import type { ClientMetadata } from './client-metadata-members.ts'
import { versionOfClient } from './client-search.ts'
import { generateClientSecret } from './client-secrets.ts'
import { ClientRefused, ClientUnknown, lockedClient } from './client-standing.ts'
import { type Client, type Clients, changedMembers, isNarrower, lockedToChange } from './clients.ts'

/** A secret in clear, which is shown once. */
export interface ShownSecret {
  readonly id: string
  readonly secret: string
}

/** How long the secret before stays good, and when the new one ends. */
export interface SecretTerms {
  readonly overlapSeconds: number
  readonly expiresAt?: Date
}

/** What came of a change of what is registered. */
export interface ClientReplaced {
  readonly ended: Ended
  /** The members that are different now. */
  readonly members: readonly string[]
  /** The client authenticates by a secret now, and had none. */
  readonly secret?: ShownSecret
}

/** What a change of what is registered would do. */
export interface ReplacePreview {
  readonly members: readonly string[]
  /** The access tokens that are out would be dead, since the client may ask for less. */
  readonly endsAccessTokens: boolean
  /** Secrets that the client would lose, since it would no longer authenticate by one. */
  readonly secrets: number
}

/** So long a secret of before may stay good beside a new one, at most. */
export const LONGEST_OVERLAP_SECONDS = 30 * 86_400

/** What administrators do. Each is one transaction, and throws `ClientRefused` with what stands in the way. */
export interface ClientAdministration {
  /** Registers a client, with a secret if it authenticates by one. */
  register(metadata: ClientMetadata, change: Change): Promise<ShownSecret | undefined>
  /** Changes all that is registered. @throws ChangedMeanwhile when it is no longer the version that was seen */
  replace(
    request: { readonly metadata: ClientMetadata; readonly seen: string | undefined },
    change: Change,
  ): Promise<ClientReplaced>
  /** Says what `replace` would do, and throws what it would. */
  preview(
    request: { readonly metadata: ClientMetadata; readonly seen: string | undefined },
    change: Change,
  ): Promise<ReplacePreview>
  delete(id: string, change: Change): Promise<Ended>
  /** Throws what `delete` would, and does nothing. */
  checkDelete(id: string, change: Change): Promise<void>
  /**
   * Gives a client another secret; the one before stays good for the overlap.
   * @throws ChangedMeanwhile when the client is no longer the version that was seen, if one was
   */
  addSecret(request: SecretTerms & { readonly clientId: string; readonly seen?: string }, change: Change): Promise<ShownSecret>
  /** Undefined when the client has no such secret. */
  deleteSecret(request: { readonly clientId: string; readonly secretId: string }, change: Change): Promise<Ended | undefined>
}

/** Makes them. */
export function createClientAdministration({
  clients,
  endings,
}: {
  readonly clients: Clients
  readonly endings: Endings
}): ClientAdministration {
  async function newSecret(ending: Ending, clientId: string, how: SecretTerms, change: Change): Promise<ShownSecret> {
    const secret = generateClientSecret()
    return { id: await clients.addSecret(ending, { clientId, secret, ...how }, change), secret }
  }

  return {
    async register(metadata, change) {
      let shown: ShownSecret | undefined
      await endings.run('client_created', async (ending) => {
        await clients.create(ending, { metadata }, change)
        if (usesSecret(metadata)) shown = await newSecret(ending, metadata.client_id, { overlapSeconds: 0 }, change)
      })
      return shown
    },

    async replace({ metadata, seen }, change) {
      let members: readonly string[] = []
      let shown: ShownSecret | undefined
      const ended = await endings.run('client_updated', async (ending) => {
        const before = await lockedToReplace(ending.tx, { metadata, seen }, change)
        members = await clients.update(ending, { metadata }, change)
        if (!usesSecret(metadata)) await clients.removeSecrets(ending, before.id, change)
        else if (before.secrets.length === 0) shown = await newSecret(ending, before.id, { overlapSeconds: 0 }, change)
      })
      return { ended, members, ...(shown === undefined ? {} : { secret: shown }) }
    },

    async preview({ metadata, seen }, change) {
      const before = await endings.rehearse((tx) => lockedToReplace(tx, { metadata, seen }, change))
      return {
        members: changedMembers(before.metadata, metadata),
        endsAccessTokens: isNarrower(before.metadata, metadata),
        secrets: usesSecret(metadata) ? 0 : before.secrets.length,
      }
    },

    delete: (id, change) =>
      endings.run('client_deleted', async (ending) => {
        await lockedByHand(ending.tx, id, change)
        await clients.delete(ending, id, change)
      }),

    checkDelete: async (id, change) => void (await endings.rehearse((tx) => lockedByHand(tx, id, change))),

    async addSecret({ clientId, seen, ...how }, change) {
      if (!(how.overlapSeconds >= 0 && how.overlapSeconds <= LONGEST_OVERLAP_SECONDS))
        throw new ClientRefused(`the secret of before may stay good for ${LONGEST_OVERLAP_SECONDS} seconds at most`)
      const made: ShownSecret[] = []
      await endings.run('client_secret_created', async (ending) => {
        const client = await lockedShown(ending.tx, clientId, change)
        checkVersion(versionOfClient(client), seen)
        const { metadata } = client
        const { token_endpoint_auth_method: method } = metadata
        if (!usesSecret(metadata)) throw new ClientRefused(`the client ${clientId} authenticates by ${method}, and has no secret`)
        made.push(await newSecret(ending, clientId, how, change))
      })
      const [shown] = made
      if (shown === undefined) throw new Error('the secret was not made')
      return shown
    },

    async deleteSecret({ clientId, secretId }, change) {
      let deleted = false
      const ended = await endings.run('client_secret_deleted', async (ending) => {
        await lockedShown(ending.tx, clientId, change)
        deleted = await clients.deleteSecret(ending, { clientId, secretId }, change)
      })
      return deleted ? ended : undefined
    },
  }
}

/** The server's own client is not one of those that administrators know. */
async function lockedShown(tx: Transaction, id: string, change: Change): Promise<Client> {
  const client = await lockedClient(tx, id, change)
  if (client.managedBy === 'latchkey') throw new ClientUnknown(`there is no client ${id}`)
  return client
}

async function lockedByHand(tx: Transaction, id: string, change: Change): Promise<Client> {
  const client = await lockedShown(tx, id, change)
  refuseManaged(client)
  return client
}

/** @throws ClientRefused @throws ChangedMeanwhile */
async function lockedToReplace(
  tx: Transaction,
  { metadata, seen }: { readonly metadata: ClientMetadata; readonly seen: string | undefined },
  change: Change,
): Promise<Client> {
  const before = await lockedByHand(tx, metadata.client_id, change)
  checkVersion(versionOfClient(before), seen)
  return lockedToChange(tx, metadata, change)
}

/** @throws ClientRefused */
export function refuseManaged({ id, managedBy }: Pick<Client, 'id' | 'managedBy'>): void {
  const fault = managerFault(`the client ${id}`, managedBy)
  if (fault !== undefined) throw new ClientRefused(fault)
}

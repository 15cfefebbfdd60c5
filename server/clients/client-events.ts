// What happens to a client and ends something, as every surface calls it: each is one transaction with its audit event, and
// answers what it ended.
import type { Change } from '../audit/change.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import type { ClientMetadata } from './client-metadata-members.ts'
import { CLIENT_CHECKS } from './client-standing.ts'
import type { Clients } from './clients.ts'

/** The events. Each throws `ClientRefused` when there is no such client. */
export interface ClientEvents {
  /** What it may no longer ask for ends with the access tokens that may carry it; a refresh gets less. */
  update(metadata: ClientMetadata, change: Change): Promise<Ended>
  /** All of the client's ends, and nobody can use it until it is reinstated. */
  suspend(id: string, change: Change): Promise<Ended>
  /** Lets it in again. Nothing that was ended comes back. */
  reinstate(id: string, change: Change): Promise<Ended>
  /** All of the client's ends, and it is gone. */
  delete(id: string, change: Change): Promise<Ended>
  /** Gives it another secret, and ends nothing: its tokens are as good as they were. */
  rotateSecret(
    secret: { readonly clientId: string; readonly secret: string; readonly expiresAt?: Date; readonly overlapSeconds: number },
    change: Change,
  ): Promise<Ended>
  /** Takes a secret from it, and ends nothing. */
  deleteSecret(secret: { readonly clientId: string; readonly secretId: string }, change: Change): Promise<Ended>
  /** Somebody else has had its secrets: they are gone, and all of the client's ends. It stays, and needs a new secret. */
  compromiseSecrets(id: string, change: Change): Promise<Ended>
  /** Asks whether a suspension, reinstatement or compromise would be done, and does nothing. */
  check(deed: keyof typeof CLIENT_CHECKS, id: string, change: Change): Promise<void>
}

/** Makes them. */
export function createClientEvents({ clients, endings }: { readonly clients: Clients; readonly endings: Endings }): ClientEvents {
  return {
    update: (metadata, change) =>
      endings.run('client_updated', async (ending) => void (await clients.update(ending, { metadata }, change))),
    suspend: (id, change) => endings.run('client_suspended', (ending) => clients.suspend(ending, id, change)),
    reinstate: (id, change) => endings.run('client_reinstated', (ending) => clients.reinstate(ending, id, change)),
    delete: (id, change) => endings.run('client_deleted', (ending) => clients.delete(ending, id, change)),
    rotateSecret: (secret, change) =>
      endings.run('client_secret_created', async (ending) => void (await clients.addSecret(ending, secret, change))),
    deleteSecret: (secret, change) =>
      endings.run('client_secret_deleted', async (ending) => void (await clients.deleteSecret(ending, secret, change))),
    compromiseSecrets: (id, change) =>
      endings.run('client_secret_compromised', (ending) => clients.compromiseSecrets(ending, id, change)),
    check: async (deed, id, change) => void (await endings.rehearse((tx) => CLIENT_CHECKS[deed](tx, id, change))),
  }
}

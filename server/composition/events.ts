// Builds what every surface calls when something is to end: the events of the nouns (docs/revocation.md).
import type { Clock } from '../../config/clock.ts'
import type { PasswordPolicy } from '../../config/password-policy.ts'
import { type AccountEvents, createAccountEvents } from '../accounts/account-events.ts'
import type { Passwords } from '../accounts/passwords.ts'
import { type ClientEvents, createClientEvents } from '../clients/client-events.ts'
import { type Clients, createClients } from '../clients/clients.ts'
import { createGrantEvents, type GrantEvents } from '../grants/grant-events.ts'
import { createResourceServerEvents, type ResourceServerEvents } from '../resource-servers/resource-server-events.ts'
import { createResourceServers, type ResourceServers } from '../resource-servers/resource-servers.ts'
import { createSessionEvents, type SessionEvents } from '../sessions/session-events.ts'
import type { Database } from '../storage/postgres.ts'
import type { Endings } from '../tokens/ending.ts'
import { createRevocationByName, type RevokeByName } from '../tokens/revocation-by-name.ts'

/** The events, by what they happen to. */
export interface Events {
  readonly accounts: AccountEvents
  readonly clients: ClientEvents
  readonly grants: GrantEvents
  readonly resourceServers: ResourceServerEvents
  readonly sessions: SessionEvents
  /** Ends access tokens by what names them. */
  readonly revokeByName: RevokeByName
  /** What is registered, as the events of clients and resource servers find it. */
  readonly registered: { readonly clients: Clients; readonly resourceServers: ResourceServers }
}

/** Builds them. */
export function createEvents(deps: {
  readonly db: Database
  readonly clock: Clock
  readonly endings: Endings
  readonly passwords: Passwords
  readonly policy: PasswordPolicy
  /** Whether refresh tokens with `offline_access` outlive a session that was revoked. */
  readonly keepOffline: boolean
}): Events {
  const { endings } = deps
  const clients = createClients(deps)
  const resourceServers = createResourceServers({ db: deps.db, clientIdsByScope: clients.idsByScope })
  return {
    accounts: createAccountEvents(deps),
    clients: createClientEvents({ clients, endings }),
    grants: createGrantEvents({ endings }),
    resourceServers: createResourceServerEvents({ resourceServers, endings }),
    sessions: createSessionEvents(deps),
    revokeByName: createRevocationByName({ endings }),
    registered: { clients, resourceServers },
  }
}

// The plan of a provisioning: what differs between a file and what is there, as changes that can be shown and then made.
import type { PlacedFault } from '../../config/positioned-yaml.ts'
import { OPENID_SCOPES, OWN_API_SCOPES } from '../../config/scopes.ts'
import type { Change } from '../audit/change.ts'
import { matchesClientSecret } from '../clients/client-secrets.ts'
import { type Client, type Clients, changedMembers as changedClientMembers } from '../clients/clients.ts'
import { type ResourceServerEntry, resourceServerOf } from '../resource-servers/resource-server-entry.ts'
import {
  changedMembers as changedServerMembers,
  type ResourceServer,
  type ResourceServers,
  sharedDefaultScope,
} from '../resource-servers/resource-servers.ts'
import type { Ending } from '../tokens/ending.ts'
import type { ClientEntry, Placed } from './provision-file.ts'

/** One change, planned and not yet made. */
export interface PlannedChange {
  readonly action: 'create' | 'update' | 'delete'
  readonly kind: 'client' | 'resource_server' | 'account'
  /** The client_id, the identifier or the e-mail address. */
  readonly name: string
  /** What is different, by the names of the file. Empty but for updates. */
  readonly members: readonly string[]
  make(ending: Ending, change: Change): Promise<void>
}

/** What is to be done, what is worth knowing, and what cannot be done. */
export interface Plan {
  readonly changes: PlannedChange[]
  readonly notes: string[]
  readonly faults: PlacedFault[]
}

/** Who made something, by what the registry says of it. */
export const PROVISION = 'provision'

/** Plans the clients of a file. `now` is in milliseconds since the epoch. */
export function planClients(
  wanted: readonly Placed<ClientEntry>[],
  found: readonly Client[],
  deps: {
    readonly clients: Clients
    readonly now: number
    readonly prune: boolean
    /** Whether a secret of a client was compromised: what stands in the file does not come back with its next application. */
    readonly isCompromised: (clientId: string, secret: string) => boolean
  },
): Plan {
  const { clients, now, prune } = deps
  const plan: Plan = { changes: [], notes: [], faults: [] }
  const byId = new Map(found.map((client) => [client.id, client]))
  for (const { entry: written, place } of wanted) {
    const { metadata, secret } = written
    const client = byId.get(metadata.client_id)
    const compromised = secret !== undefined && deps.isCompromised(metadata.client_id, secret)
    const entry = compromised ? { metadata, secret: undefined } : written
    const fault = clientFault(written, client)
    if (compromised)
      plan.notes.push(
        `${place}: the secret of client ${metadata.client_id} was marked as compromised, and is not taken: give it another`,
      )
    if (fault !== undefined) plan.faults.push({ place, message: fault })
    else if (client === undefined) plan.changes.push(newClient(clients, entry))
    else plan.changes.push(...changedClient(clients, entry, client, now))
  }
  const ids = new Set(wanted.map(({ entry }) => entry.metadata.client_id))
  for (const { id, managedBy } of found) {
    if (managedBy !== PROVISION || ids.has(id)) continue
    if (prune) plan.changes.push(change('delete', 'client', id, [], (ending, by) => clients.delete(ending, id, by)))
    else plan.notes.push(`client ${id} is no longer in the file; --prune removes it`)
  }
  return plan
}

/** Plans the resource servers of a file. `clientIds` are the clients that will be there. */
export function planResourceServers(
  wanted: readonly Placed<ResourceServerEntry>[],
  found: readonly ResourceServer[],
  deps: {
    readonly resourceServers: ResourceServers
    readonly accessTokenTtl: number
    readonly clientIds: ReadonlySet<string>
    readonly prune: boolean
  },
): Plan & { readonly remaining: readonly ResourceServer[] } {
  const { resourceServers, prune } = deps
  const plan: Plan = { changes: [], notes: [], faults: [] }
  const remaining = new Map(found.map((server) => [server.identifier, server]))
  for (const { entry, place } of wanted) {
    const named = { ...resourceServerOf(entry, deps.accessTokenTtl), managedBy: PROVISION }
    const { identifier } = named
    const server = { ...named, clientIds: named.clientIds.filter((clientId) => deps.clientIds.has(clientId)) }
    const before = remaining.get(identifier)
    remaining.set(identifier, server)
    if (isOthers(before?.managedBy)) plan.faults.push({ place, message: othersMessage(identifier, before?.managedBy) })
    for (const id of named.clientIds.filter((clientId) => !deps.clientIds.has(clientId))) {
      plan.notes.push(
        `${place}: there is no client ${id} yet; it acts for ${identifier} once it is registered and the file is applied again`,
      )
    }
    if (before === undefined) {
      plan.changes.push(
        change('create', 'resource_server', identifier, [], (ending, by) => resourceServers.create(ending, server, by)),
      )
      continue
    }
    const members = [...changedServerMembers(before, server), ...adopted(before.managedBy)]
    if (members.length === 0) continue
    plan.changes.push(
      change(
        'update',
        'resource_server',
        identifier,
        members,
        async (ending, by) => void (await resourceServers.update(ending, server, by)),
      ),
    )
  }
  const identifiers = new Set(wanted.map(({ entry }) => entry.identifier))
  for (const { identifier, managedBy } of found) {
    if (managedBy !== PROVISION || identifiers.has(identifier)) continue
    if (!prune) plan.notes.push(`resource server ${identifier} is no longer in the file; --prune removes it`)
    else {
      remaining.delete(identifier)
      plan.changes.push(
        change('delete', 'resource_server', identifier, [], (ending, by) => resourceServers.delete(ending, identifier, by)),
      )
    }
  }
  plan.faults.push(...twoDefaults(wanted, [...remaining.values()]))
  // One that gives a scope up comes before one that takes it.
  const order = (planned: PlannedChange) => (planned.action === 'delete' ? 0 : remaining.get(planned.name)?.isDefault ? 2 : 1)
  plan.changes.sort((one, other) => order(one) - order(other))
  return { ...plan, remaining: [...remaining.values()] }
}

/** Scopes that a client asks for and no API has: most likely a slip, and refused when asked for. */
export function unknownScopes(wanted: readonly Placed<ClientEntry>[], servers: readonly ResourceServer[]): string[] {
  const known = new Set([...Object.keys(OPENID_SCOPES), ...OWN_API_SCOPES, ...servers.flatMap((server) => server.scopes)])
  return wanted.flatMap(({ entry: { metadata } }) =>
    metadata.scope
      .split(' ')
      .filter((scope) => !known.has(scope))
      .map((scope) => `client ${metadata.client_id} has the scope ${scope}, which no resource server has`),
  )
}

/** A planned change. */
export function change(
  action: PlannedChange['action'],
  kind: PlannedChange['kind'],
  name: string,
  members: readonly string[],
  make: PlannedChange['make'],
): PlannedChange {
  return { action, kind, name, members, make }
}

/** Whether something belongs to the demo or to the server itself, so that no file may change it. */
export function isOthers(managedBy: string | null | undefined): boolean {
  return managedBy !== undefined && managedBy !== null && managedBy !== PROVISION
}

/** Why it may not. */
export function othersMessage(name: string, managedBy: string | null | undefined): string {
  return managedBy === 'demo' ? `${name} belongs to the demo: "npx latchkey demo remove" first` : `${name} is the server’s own`
}

function newClient(clients: Clients, { metadata, secret }: ClientEntry): PlannedChange {
  const clientId = metadata.client_id
  return change('create', 'client', clientId, [], async (ending, by) => {
    await clients.create(ending, { metadata, managedBy: PROVISION }, by)
    if (secret !== undefined) await clients.addSecret(ending, { clientId, secret, overlapSeconds: 0 }, by)
  })
}

function changedClient(clients: Clients, { metadata, secret }: ClientEntry, client: Client, now: number): PlannedChange[] {
  const newSecret = secret !== undefined && !matchesClientSecret(client.secrets, secret, now) ? secret : undefined
  const withoutSecret = !usesSecret(metadata) && client.secrets.length > 0
  const members = [
    ...changedClientMembers(client.metadata, metadata),
    ...(newSecret !== undefined || withoutSecret ? ['client_secret'] : []),
    ...adopted(client.managedBy),
  ]
  if (members.length === 0) return []
  const make: PlannedChange['make'] = async (ending, by) => {
    await clients.update(ending, { metadata, managedBy: PROVISION }, by)
    if (withoutSecret) await clients.removeSecrets(ending, client.id, by)
    // The file says which secret there is, so the one before it ends at once.
    if (newSecret !== undefined)
      await clients.addSecret(ending, { clientId: client.id, secret: newSecret, overlapSeconds: 0 }, by)
  }
  return [change('update', 'client', client.id, members, make)]
}

function clientFault({ metadata, secret }: ClientEntry, client: Client | undefined): string | undefined {
  if (isOthers(client?.managedBy)) return othersMessage(`client ${metadata.client_id}`, client?.managedBy)
  const hasSecret = secret !== undefined || (client !== undefined && client.secrets.length > 0)
  if (!usesSecret(metadata) || hasSecret) return undefined
  return `client_secret or client_secret_file is missing: the client authenticates by ${metadata.token_endpoint_auth_method}`
}

function usesSecret(metadata: ClientEntry['metadata']): boolean {
  return metadata.token_endpoint_auth_method.startsWith('client_secret_')
}

/** What was registered by hand and stands in the file belongs to the file from now on. */
function adopted(managedBy: string | undefined): string[] {
  return managedBy === undefined ? ['managed by the provision file'] : []
}

function twoDefaults(wanted: readonly Placed<ResourceServerEntry>[], servers: readonly ResourceServer[]): PlacedFault[] {
  return servers.flatMap((server, index) =>
    servers.slice(index + 1).flatMap((other) => {
      const scope = sharedDefaultScope(server, other)
      const placed =
        wanted.find(({ entry }) => entry.identifier === other.identifier) ??
        wanted.find(({ entry }) => entry.identifier === server.identifier)
      if (scope === undefined || placed === undefined) return []
      return [
        {
          place: placed.place,
          message: `${server.identifier} and ${other.identifier} are both default, and both have the scope ${scope}`,
        },
      ]
    }),
  )
}

// Resource servers: the APIs that access tokens can be for. Every change belongs to an end in progress
// (tokens/ending.ts), whose transaction it is part of.
import { isDeepStrictEqual } from 'node:util'
import { type Change, recordChange } from '../audit/change.ts'
import { differences } from '../audit/differences.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Ending } from '../tokens/ending.ts'
import {
  deleteResourceServer,
  insertResourceServer,
  lockActingClients,
  lockDefaults,
  lockResourceServer,
  type ResourceServer,
  selectResourceServers,
  updateResourceServer,
} from './resource-servers-store.ts'

export type { ResourceServer } from './resource-servers-store.ts'

/** A resource server cannot be made or changed as asked; the message says why. */
export class ResourceServerRefused extends Error {
  override readonly name = 'ResourceServerRefused'
}

/** There is no such resource server. */
export class ResourceServerUnknown extends ResourceServerRefused {}

/** The resource servers of one database. */
export interface ResourceServers {
  /** All of them, by identifier. */
  list(tx?: Transaction): Promise<ResourceServer[]>
  /** @throws ResourceServerRefused when the identifier is taken, or another default one has one of the scopes */
  create(ending: Ending, server: ResourceServer, change: Change): Promise<void>
  /**
   * Changes a resource server; says which members are different now. Access tokens that may carry what is no longer
   * there are dead. @throws ResourceServerRefused
   */
  update(ending: Ending, server: ResourceServer, change: Change): Promise<string[]>
  /** Removes a resource server; access tokens that may be for it are dead. @throws ResourceServerRefused */
  delete(ending: Ending, identifier: string, change: Change): Promise<void>
}

/** Makes them. `clientIdsByScope` tells which clients may ask for one of some scopes. */
export function createResourceServers(deps: {
  readonly db: Database
  readonly clientIdsByScope: (tx: Transaction, scopes: readonly string[]) => Promise<string[]>
}): ResourceServers {
  /** Tokens for an API are told apart by their client only, so those of every client that could have one end. */
  async function endTokens(ending: Ending, scopes: readonly string[]): Promise<void> {
    if (scopes.length === 0) return
    for (const value of await deps.clientIdsByScope(ending.tx, scopes)) {
      ending.entries.push({ kind: 'client_id', value, issuedUntilNow: true })
    }
  }

  return {
    list: (tx) => selectResourceServers(tx ?? deps.db),

    async create({ tx }, server, change) {
      await refuseUnknownClients(tx, server)
      await refuseTwoDefaults(tx, server)
      if (!(await insertResourceServer(tx, server)))
        throw new ResourceServerRefused(`the resource server ${server.identifier} is there already`)
      await recordChange(tx, 'resource_server.created', change, {
        detail: { identifier: server.identifier, scopes: [...server.scopes] },
      })
    },

    async update(ending, server, change) {
      const { before, after, members, same } = await lockedToChange(ending.tx, server)
      if (same) return []
      await updateResourceServer(ending.tx, after)
      await recordChange(ending.tx, 'resource_server.updated', change, {
        detail: { identifier: server.identifier, members, changes: differences(members, named(before), named(after)) },
      })
      await endTokens(
        ending,
        before.scopes.filter((scope) => !after.scopes.includes(scope)),
      )
      return members
    },

    async delete(ending, identifier, change) {
      const before = await lockedResourceServer(ending.tx, identifier)
      await deleteResourceServer(ending.tx, identifier)
      await recordChange(ending.tx, 'resource_server.deleted', change, { detail: { identifier } })
      await endTokens(ending, before.scopes)
    },
  }
}

/** What a change would be of, its row locked, and nothing stands in its way. @throws ResourceServerRefused */
export async function lockedToChange(tx: Transaction, server: ResourceServer) {
  const before = await lockedResourceServer(tx, server.identifier)
  const members = changedMembers(before, server)
  const after: ResourceServer = { ...server, ...managerOf(server, before) }
  const same = members.length === 0 && before.managedBy === after.managedBy
  if (!same) {
    await refuseUnknownClients(tx, after)
    await refuseTwoDefaults(tx, after)
  }
  return { before, after, members, same }
}

/** The members that differ, by the names they have in a provision file. */
export function changedMembers(before: ResourceServer, after: ResourceServer): string[] {
  const same = (name: keyof ResourceServer) => isDeepStrictEqual(comparable(before[name]), comparable(after[name]))
  return Object.entries(MEMBER_NAMES)
    .filter(([name]) => !same(name as keyof ResourceServer))
    .map(([, member]) => member)
}

/** Why two resource servers cannot both be the default one: a request for that scope would not say which is meant. */
export function sharedDefaultScope(one: ResourceServer, other: ResourceServer): string | undefined {
  if (!one.isDefault || !other.isDefault || one.identifier === other.identifier) return undefined
  return one.scopes.find((scope) => other.scopes.includes(scope))
}

const MEMBER_NAMES: Readonly<Partial<Record<keyof ResourceServer, string>>> = {
  name: 'name',
  scopes: 'scopes',
  scopeDescriptions: 'scope_descriptions',
  accessTokenFormat: 'access_token_format',
  accessTokenTtl: 'access_token_ttl',
  isDefault: 'default',
  clientIds: 'clients',
}

/** The members by those names. */
function named(server: ResourceServer): { readonly [member: string]: unknown } {
  return Object.fromEntries(Object.entries(MEMBER_NAMES).map(([name, member]) => [member, server[name as keyof ResourceServer]]))
}

/** The order of scopes and clients says nothing. */
function comparable(value: unknown): unknown {
  return Array.isArray(value) ? [...value].sort() : value
}

function managerOf(server: ResourceServer, before: ResourceServer): { managedBy?: string } {
  const managedBy = server.managedBy ?? before.managedBy
  return managedBy === undefined ? {} : { managedBy }
}

async function refuseUnknownClients(tx: Transaction, { identifier, clientIds }: ResourceServer): Promise<void> {
  const known = await lockActingClients(tx, clientIds)
  const unknown = clientIds.filter((id) => !known.includes(id))
  if (unknown.length > 0)
    throw new ResourceServerRefused(`there is no client ${unknown.slice(0, 5).join(', ')} that could act for ${identifier}`)
}

async function refuseTwoDefaults(tx: Transaction, server: ResourceServer): Promise<void> {
  if (!server.isDefault) return
  await lockDefaults(tx)
  for (const other of await selectResourceServers(tx)) {
    const scope = sharedDefaultScope(server, other)
    if (scope === undefined) continue
    throw new ResourceServerRefused(
      `${server.identifier} and ${other.identifier} are both default, and both have the scope ${scope}`,
    )
  }
}

/** A resource server that is there, its row locked. @throws ResourceServerRefused */
export async function lockedResourceServer(tx: Transaction, identifier: string): Promise<ResourceServer> {
  const server = await lockResourceServer(tx, identifier)
  if (server === undefined) throw new ResourceServerUnknown(`there is no resource server ${identifier}`)
  return server
}

// Resource servers as administrators register and change them by hand. What a provision file has made is changed there.
import type { Change } from '../audit/change.ts'
import { managerFault } from '../audit/managers.ts'
import { checkVersion } from '../audit/versions.ts'
import type { Transaction } from '../storage/postgres.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import { type ResourceServerSearch, versionOfResourceServer } from './resource-server-search.ts'
import {
  lockedResourceServer,
  lockedToChange,
  type ResourceServer,
  ResourceServerRefused,
  type ResourceServers,
} from './resource-servers.ts'

/** What a change would do. */
export interface ResourceServerPreview {
  /** The members that would be different. */
  readonly members: readonly string[]
  /** The clients whose access tokens would be dead, since they may carry what would no longer be there. */
  readonly clientIds: readonly string[]
  /** There are more of them. */
  readonly more: boolean
}

/** What administrators do. Each is one transaction, and throws `ResourceServerRefused` with what stands in the way. */
export interface ResourceServerAdministration {
  create(server: ResourceServer, change: Change): Promise<Ended>
  /** Changes all of it. @throws ChangedMeanwhile when it is no longer the version that was seen */
  replace(
    request: { readonly server: ResourceServer; readonly seen: string | undefined },
    change: Change,
  ): Promise<{ readonly ended: Ended; readonly members: readonly string[] }>
  delete(identifier: string, change: Change): Promise<Ended>
  /** Says what a change would do, and throws what it would; `server` undefined: the same of the end. */
  preview(request: {
    readonly identifier: string
    readonly server?: ResourceServer
    readonly seen?: string | undefined
  }): Promise<ResourceServerPreview>
}

/** Makes them. */
export function createResourceServerAdministration(deps: {
  readonly resourceServers: ResourceServers
  readonly search: ResourceServerSearch
  readonly endings: Endings
}): ResourceServerAdministration {
  const { resourceServers, search, endings } = deps
  return {
    create: (server, change) =>
      endings.run('resource_server_created', (ending) => resourceServers.create(ending, server, change)),

    async replace({ server, seen }, change) {
      let members: readonly string[] = []
      const ended = await endings.run('resource_server_updated', async (ending) => {
        await lockedByHand(ending.tx, server.identifier, seen)
        members = await resourceServers.update(ending, server, change)
      })
      return { ended, members }
    },

    delete: (identifier, change) =>
      endings.run('resource_server_deleted', async (ending) => {
        await lockedByHand(ending.tx, identifier)
        await resourceServers.delete(ending, identifier, change)
      }),

    async preview({ identifier, server, seen }) {
      const { before, members } = await endings.rehearse(async (tx) => {
        const found = await lockedByHand(tx, identifier, seen)
        return server === undefined ? { before: found, members: [] } : lockedToChange(tx, server)
      })
      const gone = before.scopes.filter((scope) => server?.scopes.includes(scope) !== true)
      return { members, ...(gone.length === 0 ? { clientIds: [], more: false } : await search.clientsWith(gone)) }
    },
  }
}

async function lockedByHand(tx: Transaction, identifier: string, seen?: string): Promise<ResourceServer> {
  const server = await lockedResourceServer(tx, identifier)
  refuseManaged(server)
  checkVersion(versionOfResourceServer(server), seen)
  return server
}

function refuseManaged({ identifier, managedBy }: ResourceServer): void {
  const fault = managerFault(`the resource server ${identifier}`, managedBy)
  if (fault !== undefined) throw new ResourceServerRefused(fault)
}

// What happens to a resource server and ends something, as every surface calls it: each is one transaction with its audit
// event, and answers what it ended.
import type { Change } from '../audit/change.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import type { ResourceServer, ResourceServers } from './resource-servers.ts'

/** The events. Each throws `ResourceServerRefused` when there is no such resource server. */
export interface ResourceServerEvents {
  /** Access tokens that may carry a scope that is no longer there are dead; a refresh gets less. */
  update(server: ResourceServer, change: Change): Promise<Ended>
  /** Access tokens that may be for it are dead; a refresh gets none for it. */
  delete(identifier: string, change: Change): Promise<Ended>
}

/** Makes them. */
export function createResourceServerEvents(deps: {
  readonly resourceServers: ResourceServers
  readonly endings: Endings
}): ResourceServerEvents {
  const { resourceServers, endings } = deps
  return {
    update: (server, change) =>
      endings.run('resource_server_updated', async (ending) => void (await resourceServers.update(ending, server, change))),
    delete: (identifier, change) =>
      endings.run('resource_server_deleted', (ending) => resourceServers.delete(ending, identifier, change)),
  }
}

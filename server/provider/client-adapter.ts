// Clients as the library sees them: read only, from the registry.
import type { Adapter } from 'oidc-provider'
import type { Registry } from './registry.ts'

/** Makes the adapter of the model `Client`. */
export function createClientAdapter(registry: Registry): Adapter {
  return {
    find: async (id) => (await registry.client(id))?.metadata,
    async upsert() {
      throw new Error('clients are registered by the provision file and the command line, not through the provider')
    },
    async destroy() {
      throw new Error('clients are removed by the provision file and the command line, not through the provider')
    },
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    async consume() {},
    async revokeByGrantId() {},
  }
}

// Where each of the library's models lives, and why. The table is what docs/storage.md tells.
import type { Adapter, AdapterFactory } from 'oidc-provider'
import { type AccessTokenAdapterDeps, createAccessTokenAdapter } from './access-token-adapter.ts'
import { createClientAdapter } from './client-adapter.ts'
import { createGrantAdapter } from './grant-adapter.ts'
import { type CodeDeps, createCodeAdapter, createInteractionAdapter, createPushedRequestAdapter } from './live-adapter.ts'
import type { RotationDeps } from './refresh-rotation.ts'
import { createRefreshTokenAdapter } from './refresh-token-adapter.ts'
import type { Registry } from './registry.ts'
import { createSessionAdapter, type SessionAdapterDeps } from './session-adapter.ts'

/** Everything the adapters stand on. */
export type ModelStorageDeps = AccessTokenAdapterDeps &
  CodeDeps &
  SessionAdapterDeps &
  RotationDeps & { readonly registry: Registry }

/** The models in use: a model that is not named here has no storage, and using it fails. */
const STORAGE: { readonly [model: string]: (deps: ModelStorageDeps) => Adapter } = {
  // PostgreSQL: durable, and read when Redis is down.
  Client: (deps) => createClientAdapter(deps.registry),
  Grant: (deps) => createGrantAdapter(deps),
  RefreshToken: (deps) => createRefreshTokenAdapter(deps),
  AccessToken: (deps) => createAccessTokenAdapter('AccessToken', deps),
  ClientCredentials: (deps) => createAccessTokenAdapter('ClientCredentials', deps),
  // Redis with a record in PostgreSQL: looked at on every page, listed and ended by the record.
  Session: (deps) => createSessionAdapter(deps),
  // Redis with the redemption recorded in PostgreSQL: lives a minute, must never be taken twice.
  AuthorizationCode: (deps) => createCodeAdapter(deps),
  // Redis: lives for minutes; whoever loses one starts again.
  Interaction: (deps) => createInteractionAdapter(deps),
  PushedAuthorizationRequest: (deps) => createPushedRequestAdapter(deps.store),
}

/** Makes the library's adapter factory. */
export function createModelStorage(deps: ModelStorageDeps): AdapterFactory {
  return (model) => STORAGE[model]?.(deps) ?? refuse(model)
}

/** Replay detection is one insert (model-overrides.ts); whatever else asks for storage is a feature that is not on. */
function refuse(model: string): Adapter {
  const fail = async (): Promise<never> => {
    throw new Error(`nothing is stored for the model ${model}`)
  }
  return {
    upsert: fail,
    find: async () => undefined,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    consume: fail,
    destroy: fail,
    revokeByGrantId: async () => {},
  }
}

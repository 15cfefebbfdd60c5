// Grants as the library sees them. A grant that has ended is not found, and so nothing can be issued on it.
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { endGrant, type Grants } from '../grants/grants.ts'
import type { Endings } from '../tokens/ending.ts'
import { jsonOf } from './payload.ts'
import { currentContext, requestState } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** Makes the adapter of the model `Grant`. */
export function createGrantAdapter(deps: { readonly grants: Grants; readonly endings: Endings }): Adapter {
  return {
    async find(id) {
      const state = requestState()
      // A refresh has read the grant together with its family.
      if (state.refresh?.state.grantId === id) {
        return asPayload(id, state.refresh.state.grantPayload, state.refresh.state.grantExpiresAt)
      }
      const grant = await deps.grants.findLive(id)
      if (grant === undefined) return undefined
      state.authorisedAt = grant.now
      return asPayload(id, grant.payload, grant.expiresAt)
    },

    async upsert(id, payload, expiresIn) {
      const { jti: _, ...kept } = payload
      const ctx = currentContext()
      const uid = ctx?.oidc?.session?.uid ?? payload.sessionUid
      const saved = await deps.grants.save({
        id,
        accountId: payload.accountId ?? '',
        clientId: payload.clientId ?? '',
        sessionId: uid === undefined ? undefined : sessionIdOf(uid),
        payload: jsonOf(kept),
        lifeSeconds: expiresIn ?? 0,
      })
      if (!saved) throw new errors.AccessDenied('the session or the grant has ended')
    },

    async destroy(id) {
      await deps.endings.run('grant_revoked', (ending) => endGrant(ending, id))
    },

    async revokeByGrantId() {},
    async consume() {},
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
  }
}

function asPayload(id: string, payload: object, expiresAt: number): AdapterPayload {
  return { ...(payload as AdapterPayload), jti: id, exp: expiresAt }
}

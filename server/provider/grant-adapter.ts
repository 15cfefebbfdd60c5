// Grants as the library sees them. A grant that has ended is not found, and so nothing can be issued on it.
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { endGrant, type Grants, type LiveAuthorization } from '../grants/grants.ts'
import type { Endings } from '../tokens/ending.ts'
import { jsonOf } from './payload.ts'
import { currentContext, type KnownGrant, type RequestState, requestState } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** Makes the adapter of the model `Grant`. */
export function createGrantAdapter(deps: { readonly grants: Grants; readonly endings: Endings }): Adapter {
  return {
    async find(id) {
      const state = requestState()
      const known = state.grants.get(id)
      if (known !== undefined) return asPayload(id, known)
      const authorization = await deps.grants.findLive(id)
      if (authorization === undefined) return undefined
      rememberAuthorization(state, authorization)
      return asPayload(id, authorization.grant)
    },

    async upsert(id, payload, expiresIn) {
      const { jti: _, ...kept } = payload
      const ctx = currentContext()
      const { addition } = requestState()
      if (addition === undefined) throw new TypeError('a grant is saved with what it has more than before')
      const uid = ctx?.oidc?.session?.uid ?? payload.sessionUid
      const saved = await deps.grants.save({
        id,
        accountId: payload.accountId ?? '',
        clientId: payload.clientId ?? '',
        sessionId: uid === undefined ? requestState().sessionId : sessionIdOf(uid),
        payload: jsonOf(kept),
        addition,
        lifeSeconds: expiresIn ?? 0,
      })
      requestState().grants.delete(id)
      if (!saved) throw new errors.AccessDenied('the session or the grant has ended, or what was agreed to was taken back')
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

/** Keeps what one read has told, for whoever asks for a part of it later in the request. */
export function rememberAuthorization(state: RequestState, { grant, account, now }: LiveAuthorization): void {
  state.grants.set(grant.id, grant)
  state.accounts.set(account.id, account)
  state.authorisedAt = now
}

function asPayload(id: string, { payload, expiresAt }: KnownGrant): AdapterPayload {
  return { ...(payload as AdapterPayload), jti: id, exp: expiresAt }
}

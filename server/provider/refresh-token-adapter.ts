// Refresh tokens as the library sees them: its model is answered from the family's row, and a new token starts a family.
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { recordAudit } from '../audit/audit.ts'
import { endGrant } from '../grants/grants.ts'
import { originOf } from '../http/request-context.ts'
import type { Endings } from '../tokens/ending.ts'
import type { RefreshFamilies } from '../tokens/refresh-families.ts'
import type { FamilyState } from '../tokens/refresh-families-store.ts'
import { parseRefreshToken } from '../tokens/refresh-token.ts'
import { endReplayed } from './live-adapter.ts'
import type { ProtocolMeasures } from './measures.ts'
import { jsonOf } from './payload.ts'
import { currentContext, requestState } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** Makes the adapter of the model `RefreshToken`. */
export function createRefreshTokenAdapter(deps: {
  readonly families: RefreshFamilies
  readonly endings: Endings
  readonly measures: Pick<ProtocolMeasures, 'codePresented'>
}): Adapter {
  const { families } = deps
  return {
    async find(value) {
      const refresh = requestState().refresh
      if (refresh?.presented === value) return payloadOf(value, refresh.state)
      return findPresented(families, value)
    },

    async upsert(value, payload) {
      // The next token of a family is not stored here: the update that rotates the family comes after the handler.
      if (requestState().refresh !== undefined) return
      const token = parseRefreshToken(value)
      if (token === undefined) throw new Error('a refresh token was made that has the wrong shape')
      const { jti: _, ...kept } = payload
      const { redeeming } = requestState()
      const start = await families.start({
        token,
        grantId: required(payload.grantId),
        accountId: required(payload.accountId),
        clientId: required(payload.clientId),
        sessionId: payload.sessionUid === undefined ? undefined : sessionIdOf(payload.sessionUid),
        sessionBound: !(payload.scope ?? '').split(' ').includes('offline_access'),
        senderKey: payload.jkt ?? payload['x5t#S256'],
        payload: jsonOf(kept),
        code: redeeming,
      })
      if (start === 'replayed') await endReplayed(deps, payload.grantId)
      if (start !== 'started') throw new errors.InvalidGrant('the grant has ended')
      if (redeeming !== undefined) deps.measures.codePresented('redeemed')
    },

    // Rotation is the conditional update; there is nothing else to mark.
    async consume() {},

    /** Called by `/revoke` alone: whoever gives a refresh token back ends the grant (RFC 7009 §2.1). */
    async destroy() {
      const ctx = currentContext()
      const token = ctx?.oidc.entities.RefreshToken
      const grantId = token?.grantId
      if (ctx === undefined || token === undefined || grantId === undefined) return
      await deps.endings.run('token_revoked', async (ending) => {
        await endGrant(ending, grantId)
        if (ending.counts.grants === 0) return
        const clientId = ctx.oidc.client?.clientId
        await recordAudit(ending.tx, {
          name: 'grant.revoked',
          ...(clientId === undefined ? {} : { actor: clientId, clientId }),
          accountId: token.accountId,
          grantId,
          ...originOf(ctx),
          detail: { by: 'refresh_token' },
        })
      })
    },

    // The library calls this at every revocation and sign-out, whatever was revoked; what ends is decided elsewhere.
    async revokeByGrantId() {},
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
  }
}

/** A token that nobody refreshes just now: its client gives it back, or somebody asks whether it is good. */
async function findPresented(families: RefreshFamilies, value: string): Promise<AdapterPayload | undefined> {
  const token = parseRefreshToken(value)
  const found = token === undefined ? undefined : await families.find(token)
  // That its session has run out is no reason to keep what is given back: access tokens may live on.
  const isGivenBack = currentContext()?.oidc.route === 'revocation'
  if (found === undefined || !(isGivenBack ? found.state.stands : found.state.live)) return undefined
  // The library asks for the grant next; it has been read along.
  const { grantId, grantPayload, grantExpiresAt } = found.state
  requestState().grants.set(grantId, { payload: grantPayload, expiresAt: grantExpiresAt })
  // A client that was not given the newest, or another has it, gives back what it has: that ends the grant just as well.
  return found.newest || isGivenBack ? payloadOf(value, found.state) : undefined
}

function payloadOf(value: string, state: FamilyState): AdapterPayload {
  const payload = state.payload as AdapterPayload
  const gty = payload.gty ?? ''
  return {
    ...payload,
    jti: value,
    iat: state.issuedAt,
    exp: state.expiresAt,
    rotations: state.generation,
    gty: state.generation > 0 && !gty.endsWith('refresh_token') ? `${gty} refresh_token` : gty,
  }
}

function required(value: string | undefined): string {
  if (value === undefined || value === '') throw new Error('a refresh token was issued without a grant, account or client')
  return value
}

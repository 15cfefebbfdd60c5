// Access tokens as the library sees them: opaque ones are kept in PostgreSQL; a JWT is known by its signature, and is
// accepted here at the userinfo endpoint only.
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { recordAudit } from '../audit/audit.ts'
import { originOf } from '../http/request-context.ts'
import { type AccessTokenKind, type AccessTokens, endStoredAccessToken } from '../tokens/access-tokens.ts'
import type { Endings } from '../tokens/ending.ts'
import type { TokenSubject } from '../tokens/subject.ts'
import type { TokenStatus } from '../tokens/token-status.ts'
import type { JwtAccessTokens } from './jwt-access-tokens.ts'
import { jsonOf } from './payload.ts'
import { currentContext, type KnownGrant, requestState } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** What the adapter needs. */
export interface AccessTokenAdapterDeps {
  readonly accessTokens: AccessTokens
  readonly tokenStatus: TokenStatus
  readonly jwtAccessTokens: JwtAccessTokens
  readonly endings: Endings
}

/** Every opaque access token begins with its kind, so that a look-up knows at once which it can be. */
export const OPAQUE_PREFIX: { readonly [kind in AccessTokenKind]: string } = { AccessToken: 'at_', ClientCredentials: 'ct_' }

/** Makes the adapter of the model `AccessToken` or `ClientCredentials`. */
export function createAccessTokenAdapter(kind: AccessTokenKind, deps: AccessTokenAdapterDeps): Adapter {
  return {
    async upsert(value, payload, expiresIn) {
      const { jti: _, ...kept } = payload
      const stored = await deps.accessTokens.store({
        kind,
        value,
        payload: jsonOf(kept),
        lifeSeconds: expiresIn ?? 0,
        clientId: payload.clientId ?? '',
        grantId: payload.grantId,
        accountId: payload.accountId,
        sessionId: sessionOf(payload),
        authorisedAt: requestState().authorisedAt,
      })
      if (!stored) throw new errors.InvalidGrant('the grant has ended')
    },

    async find(value) {
      if (value.startsWith(OPAQUE_PREFIX[kind])) {
        const token = await deps.accessTokens.find(kind, value)
        if (token === undefined) return undefined
        const payload = token.payload as AdapterPayload
        remember(payload.grantId, token)
        return { ...payload, jti: value }
      }
      return kind === 'AccessToken' && currentContext()?.oidc.route === 'userinfo' ? jwtPayload(deps, value) : undefined
    },

    /** Called by `/revoke`: that token ends and nothing else. */
    async destroy(value) {
      const ctx = currentContext()
      const token = ctx?.oidc.entities.AccessToken
      const clientId = ctx?.oidc.client?.clientId
      await endStoredAccessToken(deps.endings, value, (tx) =>
        recordAudit(tx, {
          name: 'access_token.revoked',
          ...(clientId === undefined ? {} : { actor: clientId, clientId }),
          ...(token === undefined ? {} : { accountId: token.accountId }),
          ...(token?.grantId === undefined ? {} : { grantId: token.grantId }),
          ...(ctx === undefined ? {} : originOf(ctx)),
        }),
      )
    },

    // What ends with a grant is decided by grants/grants.ts, not by each model.
    async revokeByGrantId() {},
    async consume() {},
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
  }
}

/** The public id of the session a token belongs to; none once an offline grant has outlived its session. */
function sessionOf(payload: AdapterPayload): string | undefined {
  const refresh = requestState().refresh
  if (payload.sessionUid === undefined || (refresh !== undefined && !refresh.state.sessionLive)) return undefined
  return sessionIdOf(payload.sessionUid)
}

/** The library asks for the grant and the account of a token next; they have been read with it. */
function remember(
  grantId: string | undefined,
  { grant, account }: { readonly grant: KnownGrant | null; readonly account: TokenSubject | null },
): void {
  const state = requestState()
  if (grant !== null && grantId !== undefined) state.grants.set(grantId, grant)
  if (account !== null) state.accounts.set(account.id, account)
}

/** A JWT that was issued with `openid` may ask who its person is, whatever API it is for. */
async function jwtPayload(deps: AccessTokenAdapterDeps, value: string): Promise<AdapterPayload | undefined> {
  const token = await deps.jwtAccessTokens.verify(value)
  if (token?.accountId === undefined || token.grantId === undefined) return undefined
  const status = await deps.tokenStatus.check(token)
  if (status.whyDead !== undefined) return undefined
  remember(token.grantId, status)
  const openid = status.grant?.payload.openid
  const scope = typeof openid === 'object' && openid !== null && !Array.isArray(openid) ? openid.scope : undefined
  return {
    kind: 'AccessToken',
    jti: value,
    iat: token.issuedAt,
    exp: token.expiresAt,
    clientId: token.clientId,
    accountId: token.accountId,
    grantId: token.grantId,
    scope: typeof scope === 'string' ? scope : '',
    ...token.bound,
  }
}

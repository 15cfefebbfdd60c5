// The refresh_token grant with rotation as Latchkey does it, around the library's own handler. The family is read once
// before it and moved on by one conditional update after it, so that a request which fails for any reason burns nothing.
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { recordAudit } from '../audit/audit.ts'
import { endGrant } from '../grants/grants.ts'
import { originOf } from '../http/request-context.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Endings } from '../tokens/ending.ts'
import { endFamily } from '../tokens/family-ends.ts'
import { type Presented, type RefreshFamilies, successorOf } from '../tokens/refresh-families.ts'
import type { FamilyState } from '../tokens/refresh-families-store.ts'
import { formatRefreshToken, parseRefreshToken, type RefreshToken } from '../tokens/refresh-token.ts'
import { type Knowledge, refuseBehind } from './as-read.ts'
import type { ProtocolMeasures } from './measures.ts'
import { type Admission, type Admitted, requestState } from './request-state.ts'
import { noticeReuse, type ReuseNoticeDeps } from './reuse-notice.ts'

/** The library's handler of a grant type. */
export type GrantHandler<Context> = (ctx: Context) => void | Promise<void>

/** What a rotation needs. */
export interface RotationDeps extends ReuseNoticeDeps, Knowledge {
  readonly families: RefreshFamilies
  readonly endings: Endings
  readonly sessions: Pick<Sessions, 'touch'>
  readonly measures: Pick<ProtocolMeasures, 'refreshed'>
}

/**
 * Wraps the library's handler. Client authentication has been done when it runs.
 *
 * A parallel request with the same token may win the update; then the token is judged anew, and is found to be a replay
 * that is answered with the winner's successor. That can happen once: a second loss means that the family has moved on.
 */
export function withRotation<Context extends KoaContextWithOIDC>(
  handler: GrantHandler<Context>,
  deps: RotationDeps,
): GrantHandler<Context> {
  return async (ctx) => {
    const value = ctx.oidc.params?.refresh_token
    const token = typeof value === 'string' ? parseRefreshToken(value) : undefined
    // Without a token, or with one of another shape, the library gives the right error, at no cost of a look-up.
    if (typeof value !== 'string' || token === undefined) {
      deps.measures.refreshed('malformed')
      return handler(ctx)
    }
    for (let attempt = 0; attempt < 2; attempt += 1) {
      if (await tryRefresh(ctx, handler, deps, value, token)) return
    }
    deps.measures.refreshed('unknown')
    throw new errors.InvalidGrant('refresh token not found')
  }
}

async function tryRefresh<Context extends KoaContextWithOIDC>(
  ctx: Context,
  handler: GrantHandler<Context>,
  deps: RotationDeps,
  value: string,
  token: RefreshToken,
): Promise<boolean> {
  const presented = await deps.families.present(token, ctx.oidc.client?.clientId ?? '')
  const refresh = admit(ctx, deps, presented)
  // Before anything moves: a client that has to ask again does so with the same token.
  if (refresh.how !== 'refuse') await refuseBehind(ctx, deps, refresh.state)
  const state = requestState(ctx)
  state.refresh = { presented: value, ...refresh }
  state.grants.set(refresh.state.grantId, { payload: refresh.state.grantPayload, expiresAt: refresh.state.grantExpiresAt })
  state.accounts.set(refresh.state.accountId, refresh.state.account)
  state.authorisedAt = refresh.state.now
  await handler(ctx)
  if (refresh.how === 'refuse') return refresh.refuse()
  if ((await stands(deps.families, token, refresh)) && isRecord(ctx.body)) {
    ctx.body.refresh_token = formatRefreshToken(refresh.next)
    deps.measures.refreshed(OUTCOMES[refresh.how])
    const { sessionId, sessionBound } = refresh.state
    if (sessionBound && sessionId !== null) deps.sessions.touch(sessionId)
    return true
  }
  ctx.body = undefined
  return false
}

/** What an answered refresh counts as. */
const OUTCOMES = { rotate: 'rotated', keep: 'kept', replay: 'replayed' } as const

/** Moves the family on as far as it is to be moved; false when another request came in between. */
function stands(families: RefreshFamilies, token: RefreshToken, { how, state, next }: Admitted): Promise<boolean> {
  switch (how) {
    case 'rotate':
      return families.rotate(token, next, state)
    case 'keep':
      return families.extend(token)
    case 'replay':
      return families.confirm(next)
  }
}

/**
 * Decides what becomes of a token. Nothing ends yet: only the library's handler looks at the sender's key and certificate, and
 * whoever comes without them must not be able to end somebody's family by a spent token.
 */
function admit(ctx: KoaContextWithOIDC, deps: RotationDeps, presented: Presented): Admission {
  switch (presented.outcome) {
    case 'current':
      return presented.state.rotates
        ? { how: 'rotate', state: presented.state, next: successorOf(presented.token) }
        : { how: 'keep', state: presented.state, next: presented.token }
    case 'replay':
      return { how: 'replay', state: presented.state, next: presented.successor }
    case 'reused':
      return {
        how: 'refuse',
        state: presented.state,
        async refuse() {
          // Whoever has hung up gets nothing, and is more likely a client that went elsewhere than a thief.
          if (!ctx.res.writable || ctx.req.socket.readableEnded || ctx.req.socket.destroyed)
            throw new errors.InvalidGrant('nobody waits for the answer')
          await endReused(ctx, deps, presented.state)
          deps.measures.refreshed('reused')
          throw new errors.InvalidGrant('refresh token already used')
        },
      }
    case 'ahead':
      return {
        how: 'refuse',
        state: presented.state,
        async refuse() {
          await deps.endings.run('refresh_token_from_elsewhere', (ending) => endFamily(ending, presented.state.id))
          deps.measures.refreshed('ahead')
          throw new errors.InvalidGrant('refresh token not found')
        },
      }
    case 'foreign':
      deps.measures.refreshed('foreign')
      throw new errors.InvalidGrant('client mismatch')
    case 'unknown':
      deps.measures.refreshed('unknown')
      throw new errors.InvalidGrant('refresh token not found')
  }
}

/** A spent token came back: either its holder or the one who rotated it is a thief, so both lose (RFC 9700 §4.14.2). */
async function endReused(ctx: KoaContextWithOIDC, deps: RotationDeps, state: FamilyState): Promise<void> {
  await deps.endings.runOnce(`refresh_token_reused ${state.grantId}`, 'refresh_token_reused', async (ending) => {
    await endGrant(ending, state.grantId)
    if (ending.counts.grants === 0) return
    await recordAudit(ending.tx, {
      name: 'refresh_token.reused',
      actor: state.clientId,
      accountId: state.accountId,
      clientId: state.clientId,
      grantId: state.grantId,
      ...(state.sessionId === null ? {} : { sessionId: state.sessionId }),
      ...originOf(ctx),
      detail: { generation: state.generation },
    })
    await noticeReuse(ending.tx, ctx, deps, state)
  })
}

function isRecord(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null
}

// Short-lived things as the library sees them: interactions, codes and pushed requests, kept in the live store.
import { type Adapter, type AdapterPayload, errors, type Interaction } from 'oidc-provider'
import { recordAudit } from '../audit/audit.ts'
import { endGrant, type Grants, selectParties } from '../grants/grants.ts'
import { originOf } from '../http/request-context.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { SignInUnderWay } from '../sessions/sign-ins-under-way.ts'
import type { LiveStore } from '../storage/live-store.ts'
import type { Endings } from '../tokens/ending.ts'
import type { Once } from '../tokens/once.ts'
import { type Knowledge, refuseBehind } from './as-read.ts'
import { rememberAuthorization } from './grant-adapter.ts'
import type { ProtocolMeasures } from './measures.ts'
import { getsRefreshToken } from './policies.ts'
import { currentContext, oncePerRequest, requestState } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** What interactions need. */
export interface InteractionDeps {
  readonly store: LiveStore
  readonly sessions: Pick<Sessions, 'mayOpen'>
}

/** What codes need besides the store. */
export interface CodeDeps extends Knowledge {
  readonly store: LiveStore
  readonly grants: Grants
  readonly endings: Endings
  readonly once: Once
  readonly codeLifeSeconds: number
  readonly measures: Pick<ProtocolMeasures, 'codePresented'>
}

/** Makes the adapter of a model that is only stored, found, taken once, and forgotten. All but one who take it get `lost`. */
export function createLiveAdapter(
  model: string,
  store: LiveStore,
  lost: () => Error = () => new errors.InvalidGrant('already used'),
): Adapter {
  return {
    async upsert(id, payload, expiresIn) {
      const { jti: _, ...kept } = payload
      // An interaction repeats the session's cookie; what is stored must not open a session (docs/storage.md).
      if (kept.session !== undefined) {
        const { cookie: _cookie, ...session } = kept.session
        kept.session = session
      }
      await store.put({
        model,
        id,
        payload: { ...kept },
        ttlSeconds: expiresIn ?? 0,
        ...(payload.uid === undefined ? {} : { uid: payload.uid }),
        ...(payload.userCode === undefined ? {} : { userCode: payload.userCode }),
      })
    },
    find: async (id) => (await store.find(model, id)) as AdapterPayload | undefined,
    findByUid: async (uid) => (await store.findByUid(model, uid)) as AdapterPayload | undefined,
    findByUserCode: async (userCode) => (await store.findByUserCode(model, userCode)) as AdapterPayload | undefined,
    async consume(id) {
      if (!(await store.consume(model, id))) throw lost()
    },
    destroy: (id) => store.destroy(model, id),
    async revokeByGrantId() {},
  }
}

/**
 * Makes the adapter of the model `PushedAuthorizationRequest`. The library looks whether one was taken and takes it then; who
 * loses in between hears what everybody hears who comes later (RFC 9126 §4, RFC 9101 §7).
 */
export function createPushedRequestAdapter(store: LiveStore): Adapter {
  const lost = () => new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
  return createLiveAdapter('PushedAuthorizationRequest', store, lost)
}

/**
 * Makes the adapter of the model `Interaction`. The library destroys an interaction when the browser goes on with it, and
 * gives a code then. A form that was sent twice brings two requests that both still found it: one of them must lose, and
 * what the other is still saving must not bring it back. So it stays until its time is over, marked as taken.
 */
export function createInteractionAdapter({ store, sessions }: InteractionDeps): Adapter {
  const plain = createLiveAdapter('Interaction', store)
  return {
    ...plain,
    find: (uid) =>
      oncePerRequest(`interaction ${uid}`, async () => {
        const payload = (await plain.find(uid)) as AdapterPayload | undefined
        return payload?.consumed === undefined ? payload : undefined
      }),
    async upsert(uid, payload, expiresIn) {
      requestState().found.delete(`interaction ${uid}`)
      await plain.upsert(uid, payload, expiresIn)
    },
    async destroy(uid) {
      requestState().found.delete(`interaction ${uid}`)
      if (!(await store.consume('Interaction', uid))) throw new errors.SessionNotFound('interaction session not found')
      const signIn = signInIn(currentContext()?.oidc.entities.Interaction)
      requestState().signInBroughtBack = signIn
      // Before anything is made of it, so that a session which is kept stays as it is.
      if (signIn !== undefined && !(await sessions.mayOpen(signIn))) throw new errors.SessionNotFound('the sign-in has expired')
    },
  }
}

/**
 * The sign-in that an interaction came to. The library repeats it in the interactions after that one, when it has been recorded: only
 * the sign-in page itself brings one.
 */
function signInIn(interaction: Interaction | undefined): SignInUnderWay | undefined {
  const login = interaction?.prompt.name === 'login' ? interaction.result?.login : undefined
  if (login === undefined) return undefined
  // What an older version stored does not say after which end it came. No end is of that name.
  return { accountId: login.accountId, afterEnd: typeof login.afterEnd === 'string' ? login.afterEnd : '' }
}

/**
 * Makes the adapter of the model `AuthorizationCode`. A code is taken by one atomic step and the taking is recorded in
 * PostgreSQL too, since Redis may lose its last second; whoever brings it a second time ends the grant (RFC 6749 §4.1.2).
 */
export function createCodeAdapter(deps: CodeDeps): Adapter {
  const plain = createLiveAdapter('AuthorizationCode', deps.store)
  return {
    ...plain,

    async find(code) {
      const found = await plain.find(code)
      if (found?.sessionUid === undefined || found.grantId === undefined) return undefined
      // Codes in flight end with the grant and the session they came from.
      const authorization = await deps.grants.findToMint(found.grantId)
      if (authorization === undefined || authorization.account.id !== found.accountId) return undefined
      const isSessionLive = authorization.liveSessionId === sessionIdOf(found.sessionUid)
      const payload = isSessionLive ? found : await asSpent(deps, code, found)
      if (payload === undefined) return undefined
      const ctx = currentContext()
      if (ctx !== undefined) await refuseBehind(ctx, deps, authorization)
      const state = requestState()
      rememberAuthorization(state, authorization)
      state.code = payload
      return payload
    },

    async consume(code) {
      const state = requestState()
      const grantId = state.code?.grantId
      const taken = grantId !== undefined && (await deps.store.consume('AuthorizationCode', code))
      const client = currentContext()?.oidc.client
      const lifeSeconds = deps.codeLifeSeconds * 2
      if (taken && client !== undefined && getsRefreshToken(client)) {
        state.redeeming = { value: code, lifeSeconds }
        return
      }
      if (taken && (await deps.once.redeemCode(code, grantId, lifeSeconds))) return deps.measures.codePresented('redeemed')
      await endReplayed(deps, grantId)
      throw new errors.InvalidGrant('authorization code already consumed')
    },

    /** The library calls this when a code that was consumed comes back from its own client with the right verifier. */
    async revokeByGrantId(grantId) {
      if (currentContext()?.oidc.route === 'token') await endReplayed(deps, grantId)
    },
  }
}

/**
 * A code that was redeemed before its session was over; undefined when it was not. Its grant may have outlived the session, so that it
 * still matters that the code comes a second time. PostgreSQL is asked where Redis does not know.
 */
async function asSpent({ once }: CodeDeps, code: string, payload: AdapterPayload): Promise<AdapterPayload | undefined> {
  if (payload.consumed !== undefined) return payload
  return (await once.findRedeemedCode(code)) === undefined ? undefined : { ...payload, consumed: true }
}

/** Ends what a code has got that came a second time (RFC 6749 §4.1.2). */
export async function endReplayed(
  { endings, measures }: Pick<CodeDeps, 'endings' | 'measures'>,
  grantId: string | undefined,
): Promise<void> {
  measures.codePresented('replayed')
  if (grantId === undefined) return
  const ctx = currentContext()
  const clientId = ctx?.oidc.client?.clientId
  await endings.runOnce(`code_replayed ${grantId}`, 'code_replayed', async (ending) => {
    await endGrant(ending, grantId)
    if (ending.counts.grants === 0) return
    await recordAudit(ending.tx, {
      name: 'authorization_code.replayed',
      ...(await selectParties(ending.tx, grantId)),
      grantId,
      ...(clientId === undefined ? {} : { actor: clientId, clientId }),
      ...(ctx === undefined ? {} : originOf(ctx)),
    })
  })
}

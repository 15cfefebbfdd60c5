// Sessions as the library sees them: live state in the live store, and the record in PostgreSQL, which has the last word.
import { isDeepStrictEqual } from 'node:util'
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { originOf } from '../http/request-context.ts'
import type { SessionRecord, Sessions } from '../sessions/sessions.ts'
import type { LiveStore } from '../storage/live-store.ts'
import { asJson, currentContext, oncePerRequest, requestState } from './request-state.ts'
import { opens, retire, type StoredSession } from './retired-cookies.ts'
import { sessionIdOf } from './session-ids.ts'

/** What the adapter needs. */
export interface SessionAdapterDeps {
  readonly store: LiveStore
  readonly sessions: Sessions
}

/** Makes the adapter of the model `Session`. */
export function createSessionAdapter(deps: SessionAdapterDeps): Adapter {
  const { store, sessions } = deps

  return {
    async find(cookieId) {
      const admitted = await findByCookie(deps, cookieId)
      // Whoever sends the cookie uses the session, whatever comes of the request.
      if (admitted?.accountId !== undefined) sessions.touch(sessionIdOf(admitted.uid ?? ''))
      return admitted
    },

    findByUid: (uid) =>
      oncePerRequest(`session ${uid}`, async () =>
        admit(sessions, (await store.findSessionByUid(uid)) as AdapterPayload | undefined),
      ),

    async upsert(cookieId, payload, expiresIn) {
      const uid = payload.uid ?? ''
      requestState().found.delete(`session ${uid}`)
      const { jti: _, ...kept } = payload
      const { sessionClients: known = [], retiredCookies: retired, sessionFound } = requestState()
      // Most authorizations change nothing: the app has been let in before.
      if (sessionFound !== undefined && isDeepStrictEqual(sessionFound, asJson({ ...asStored(kept, retired), jti: cookieId }))) {
        return
      }
      const saved = await store.saveSession({
        cookieId,
        uid,
        payload: asStored(kept, retired),
        ttlSeconds: expiresIn ?? 0,
        pointed: sessionFound?.jti === cookieId && sessionFound.exp === payload.exp,
        removed: known.filter((clientId) => payload.authorizations?.[clientId] === undefined),
      })
      // A session that was ended meanwhile stays so, and two people never share one.
      if (saved !== 'saved') throw new errors.SessionNotFound('the session has ended')
      if (payload.accountId !== undefined) await record(deps, payload, payload.accountId, expiresIn ?? 0)
    },

    /** The library calls this for the old identifier each time it gives a session a new one; the session goes on. */
    async destroy(cookieId) {
      const ctx = currentContext()
      if (ctx?.oidc.route !== 'resume') return store.dropSessionPointer(cookieId)
      // After a sign-in the old cookie must not open the session. After mere consent nothing has changed hands, and other
      // tabs that come back at the same moment still send it.
      const state = requestState()
      if (ctx.oidc.result?.login !== undefined) state.retiredCookies = retire(state.retiredCookies, cookieId)
    },
    findByUserCode: async () => undefined,
    async consume() {},
    async revokeByGrantId() {},
  }
}

async function findByCookie(deps: SessionAdapterDeps, cookieId: string): Promise<AdapterPayload | undefined> {
  const payload = (await deps.store.findSession(cookieId)) as StoredSession | undefined
  const opened = payload === undefined ? 'not at all' : await opens(deps.store, cookieId, payload)
  if (opened === 'not at all') return undefined
  // The other tab may have stored the session and not recorded it yet. The record has its say when this sign-in is saved.
  return (await admit(deps.sessions, payload)) ?? (opened === 'with this sign-in' ? payload : undefined)
}

/** What the store has, if the record agrees; and what a later save will be compared with. */
async function admit(sessions: Sessions, payload: StoredSession | undefined): Promise<AdapterPayload | undefined> {
  if (payload?.accountId === undefined || payload.uid === undefined) return payload
  requestState().retiredCookies = payload.retired
  const live = await sessions.findLive(sessionIdOf(payload.uid))
  if (live?.account.id !== payload.accountId) return undefined
  const state = requestState()
  // A copy: the library goes on to change what it is given.
  state.sessionFound = asJson(payload)
  for (const grant of live.grants) state.grants.set(grant.id, grant)
  state.accounts.set(live.account.id, live.account)
  state.authorisedAt = live.now
  state.sessionClients = Object.keys(payload.authorizations ?? {})
  state.sessionRecord = fingerprint(payload)
  return payload
}

/** Writes what has changed of a session into its record. */
async function record(
  { sessions, store }: SessionAdapterDeps,
  payload: AdapterPayload,
  accountId: string,
  lifeSeconds: number,
): Promise<void> {
  const uid = payload.uid ?? ''
  const state = requestState()
  const now = fingerprint(payload)
  // A sign-in is always looked at: it may be void.
  if (state.sessionRecord === now && state.signInBroughtBack === undefined) return
  if (await sessions.record(recordOf(payload, accountId, lifeSeconds))) {
    state.sessionRecord = now
    return
  }
  await store.endSession(uid)
  throw new errors.SessionNotFound('the session has ended')
}

function asStored(payload: AdapterPayload, retired: readonly string[] | undefined): StoredSession {
  return { ...payload, ...(retired === undefined ? {} : { retired }) }
}

/** What of a session is in its record. */
function fingerprint(payload: AdapterPayload): string {
  return JSON.stringify([payload.accountId, payload.loginTs, payload.amr, payload.authorizations])
}

function recordOf(payload: AdapterPayload, accountId: string, lifeSeconds: number): SessionRecord {
  const ctx = currentContext()
  return {
    id: sessionIdOf(payload.uid ?? ''),
    accountId,
    methods: payload.amr ?? [],
    lifeSeconds,
    origin: ctx === undefined ? {} : originOf(ctx),
    afterEnd: requestState().signInBroughtBack?.afterEnd,
    clients: Object.entries(payload.authorizations ?? {}).map(([clientId, { sid, grantId }]) => ({
      clientId,
      sid: sid ?? '',
      grantId,
    })),
  }
}

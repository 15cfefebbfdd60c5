// What one request to the provider has learned so far, shared between the adapters that read it and the wrappers that
// decide: the library calls them separately, and each would have to ask the database again.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Middleware } from 'koa'
import { type AdapterPayload, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { GrantAddition } from '../grants/new-grants.ts'
import type { SignInUnderWay } from '../sessions/sign-ins-under-way.ts'
import type { FamilyState } from '../tokens/refresh-families-store.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import type { TokenSubject } from '../tokens/subject.ts'

/**
 * What becomes of a refresh token that was presented.
 * - `rotate`: the family moves on to `next`
 * - `replay`: `next` is the successor it has already
 * - `keep`: the family is not rotated; `next` is the token itself
 * - `refuse`: what must end is ended by `refuse`, which throws, once the sender has shown to be the right one
 */
export type Admission = Admitted | { readonly how: 'refuse'; readonly state: FamilyState; readonly refuse: () => Promise<never> }

/** What becomes of one that may be refreshed. */
export interface Admitted {
  readonly how: 'rotate' | 'replay' | 'keep'
  readonly state: FamilyState
  readonly next: RefreshToken
}

/** A refresh in progress. */
export type RefreshInProgress = Admission & {
  /** The token as presented. */
  readonly presented: string
}

/** A live grant, as the library asks for it. */
export interface KnownGrant {
  readonly payload: object
  /** Seconds since the epoch. */
  readonly expiresAt: number
}

/** What a request has learned. */
export interface RequestState {
  refresh?: RefreshInProgress
  /** The session on whose behalf a page does something. */
  readonly sessionId?: string
  /** Grants and accounts that were read along with something else, by their ids. */
  readonly grants: Map<string, KnownGrant>
  readonly accounts: Map<string, TokenSubject>
  /** What the grant that is being saved has more than before. */
  addition?: GrantAddition
  /** Interactions and sessions as they were found, by their uids: the library asks for them at each step of a page. */
  readonly found: Map<string, AdapterPayload | undefined>
  /** The code that is being redeemed. */
  code?: AdapterPayload
  /** A code that was taken, and whose redemption is recorded together with the refresh token it is traded for. */
  redeeming?: { readonly value: string; readonly lifeSeconds: number }
  /** PostgreSQL's time of the read that authorised what is issued, in seconds since the epoch. */
  authorisedAt?: number
  /** The sign-in that the browser brings back from the sign-in page. */
  signInBroughtBack?: SignInUnderWay | undefined
  /** The session as it was read. */
  sessionFound?: AdapterPayload
  /** The clients that the session held when it was read, to tell which were taken out since. */
  sessionClients?: readonly string[]
  /** Digests of cookies that the session had before a sign-in. */
  retiredCookies?: readonly string[] | undefined
  /** What is known of the session's record, so that it is not written again without need. */
  sessionRecord?: string
  /** The addresses by which apps are to hear, from the browser, that the session is over. */
  frontChannelUrls?: readonly string[]
  /** Identifiers of proofs and assertions that this request has used, so that its own second try is not taken for a replay. */
  readonly usedIdentifiers: Set<string>
}

const states = new WeakMap<object, RequestState>()

/** The state of work that is done for a page of ours, and not in a request that the library answers. */
const beside = new AsyncLocalStorage<RequestState>()

/** Gives a request for a page a state of its own. */
export const withPageState: Middleware = (_ctx, next) => beside.run(emptyState(), next)

/** Does a part of it on behalf of a session. */
export function inSession<Result>(sessionId: string | undefined, work: () => Promise<Result>): Promise<Result> {
  return beside.run({ ...requestState(), ...(sessionId === undefined ? {} : { sessionId }) }, work)
}

/** The state of the request that is being handled; outside of one, an empty state that nobody else sees. */
export function requestState(ctx: KoaContextWithOIDC | undefined = Provider.ctx): RequestState {
  if (ctx === undefined) return beside.getStore() ?? emptyState()
  let state = states.get(ctx.req)
  if (state === undefined) {
    state = emptyState()
    states.set(ctx.req, state)
  }
  return state
}

function emptyState(): RequestState {
  return { grants: new Map(), accounts: new Map(), found: new Map(), usedIdentifiers: new Set() }
}

/**
 * What `find` finds, asked once a request. Whoever goes on with what a page has found is looked at again: the library's next
 * request reads the interaction, the session and their records anew before it gives anything.
 */
export async function oncePerRequest(
  name: string,
  find: () => Promise<AdapterPayload | undefined>,
): Promise<AdapterPayload | undefined> {
  const { found } = requestState()
  if (!found.has(name)) found.set(name, await find())
  const payload = found.get(name)
  // A copy, as if it were read again: the library goes on to change what it is given.
  return payload === undefined ? undefined : asJson(payload)
}

/** As it would be found if it were stored: JSON has no members without a value. */
export function asJson(payload: AdapterPayload): AdapterPayload {
  return JSON.parse(JSON.stringify(payload)) as AdapterPayload
}

/** The context of the request that is being handled, if any. */
export function currentContext(): KoaContextWithOIDC | undefined {
  return Provider.ctx
}

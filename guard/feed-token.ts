// The access token with which the guard asks for revocations: got by client credentials, kept until it nears its end or is refused.
import type { ClientAuthentication } from './client-authentication.ts'
import { type GuardClock, type Moment, millisecondsSince, moment } from './clock.ts'
import { FeedRefused, FeedUnavailable } from './errors.ts'
import type { IssuerMetadata } from './issuer.ts'
import { type Answer, RequestFailed, type Requests } from './requests.ts'

/** The token, when it is asked for. */
export interface FeedToken {
  /** @throws FeedRefused @throws FeedUnavailable */
  get(): Promise<string>
  /** The one that was got last, if it has not ended. */
  kept(): string | undefined
  /** Lets go of a token that the server did not take; of a newer one not. */
  forget(token: string): void
}

/** What is needed to get one. */
export interface FeedTokenParts {
  readonly clientId: string
  /** The feed's address, which is also its resource (RFC 8707). */
  readonly resource: string
  readonly discover: () => Promise<IssuerMetadata>
  readonly authenticate: ClientAuthentication
  readonly requests: Requests
  readonly clock: GuardClock
}

interface Issued {
  readonly token: string
  readonly asked: Moment
  readonly livesMs: number
}

export const FEED_SCOPE = 'revocations:read'

export function createFeedToken(parts: FeedTokenParts): FeedToken {
  let current: Promise<Issued> | undefined
  let issued: Issued | undefined

  return {
    async get() {
      // A fifth of its life early, so that it does not end on the way.
      if (issued !== undefined && millisecondsSince(parts.clock, issued.asked) > issued.livesMs * 0.8) current = undefined
      current ??= obtain(parts).catch((error: unknown) => {
        current = undefined
        throw error
      })
      issued = await current
      return issued.token
    },
    kept: () =>
      issued !== undefined && millisecondsSince(parts.clock, issued.asked) < issued.livesMs ? issued.token : undefined,
    forget(token) {
      if (issued?.token !== token) return
      current = undefined
      issued = undefined
    },
  }
}

async function obtain({ clientId, resource, discover, authenticate, requests, clock }: FeedTokenParts): Promise<Issued> {
  const { tokenEndpoint } = await discover()
  let asked = moment(clock)
  const answer = await authenticate(({ headers, parameters }) => {
    asked = moment(clock)
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope: FEED_SCOPE, resource, ...parameters })
    return requests.send(tokenEndpoint, { method: 'POST', headers: { ...headers, accept: 'application/json' }, body })
  }).catch((cause: unknown) => {
    const message = cause instanceof RequestFailed ? cause.message : `${tokenEndpoint} cannot be asked`
    throw new FeedUnavailable(message, { fix: 'See that the authorization server runs and can be reached from here.', cause })
  })
  const { access_token, expires_in } = Object(answer.json) as Record<string, unknown>
  if (answer.status !== 200 || typeof access_token !== 'string') throw refusal(answer, clientId, resource)
  return { token: access_token, asked, livesMs: (typeof expires_in === 'number' ? expires_in : 60) * 1000 }
}

function refusal({ status, json }: Answer, clientId: string, resource: string): FeedUnavailable {
  const { error } = Object(json) as Record<string, unknown>
  const message = `The token endpoint answered ${status}${typeof error === 'string' ? ` ${error}` : ''} to ${clientId}`
  if (status >= 500 || status === 429) {
    return new FeedUnavailable(message, { fix: 'The guard tries again; see the log of the authorization server if it lasts.' })
  }
  if (error === 'invalid_client' || status === 401) {
    return new FeedRefused(message, {
      fix: `Correct the id and the secret of \`client\`, or its key: the server does not know ${clientId} by them, or it is suspended there.`,
    })
  }
  return new FeedRefused(message, {
    fix: `Register ${clientId} with grant_types [client_credentials] and ${FEED_SCOPE} in its scope, for the resource ${resource}.`,
  })
}

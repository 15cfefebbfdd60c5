// Explains one refused request: the cause, what was expected beside what was received, and what else is to be known. It changes nothing
// and looks nothing up.
import { type Cause, isCause } from './causes.ts'
import { OF_AUTHORIZATION } from './explain-authorization.ts'
import { OF_CLIENTS } from './explain-clients.ts'
import { OF_TOKENS } from './explain-tokens.ts'
import type { Explanations, Known } from './explanation.ts'
import { REFUSED_AT, type Refusal, type RefusedAt } from './refusal.ts'
import { createShown, HIDDEN } from './shown.ts'

/** A request that was refused, as it is kept: no secret is in it. */
export interface RefusedRequest {
  /** Milliseconds since the epoch, of the first. */
  readonly at: number
  /** The ids of the first requests. */
  readonly requestIds: readonly string[]
  /** How many there were of the same client, cause and place at about that time. */
  readonly times: number
  readonly endpoint: RefusedAt
  /** As it came; what is `known` is a client that is registered. */
  readonly clientId?: string
  readonly known: boolean
  readonly address: string
  readonly userAgent?: string
  /** What the app was told. */
  readonly error: string
  readonly description?: string
  readonly cause: Cause
  readonly expected?: string
  readonly received?: string
  readonly reasons: readonly string[]
}

const EXPLANATIONS: Explanations = { ...OF_CLIENTS, ...OF_TOKENS, ...OF_AUTHORIZATION }

const MOST_REASONS = 8
const LONGEST_EXPECTED = 600

/** Explains it. */
export function explain(cause: Cause, refusal: Refusal, known: Known): Omit<RefusedRequest, 'requestIds' | 'times'> {
  const said = EXPLANATIONS[cause]?.(refusal, known) ?? {}
  const { clientId, userAgent, error } = refusal
  const registered = refusal.known || known.client !== undefined
  const shown = createShown(refusal, registered)
  // What came in the place of a client_id may be a secret.
  const named = said.cause === 'client_secret_as_id' ? undefined : clientId
  const hiddenName =
    named === undefined || registered || shown(named) !== HIDDEN
      ? []
      : [`the client_id has ${named.length} characters: it may be a secret, and is not shown`]
  return {
    at: refusal.at,
    endpoint: refusal.endpoint,
    known: registered,
    address: refusal.address.slice(0, 100),
    error: shown(error.code, 100),
    cause: said.cause ?? cause,
    reasons: [...(said.reasons ?? []), ...hiddenName].slice(0, MOST_REASONS).map((reason) => shown(reason)),
    ...(named === undefined ? {} : { clientId: registered ? named : shown(named, 100) }),
    ...(userAgent === undefined ? {} : { userAgent: shown(userAgent, 200) }),
    ...(error.description === undefined ? {} : { description: shown(error.description) }),
    ...(said.expected === undefined ? {} : { expected: expectedText(said.expected) }),
    ...(said.received === undefined ? {} : { received: shown(said.received) }),
  }
}

/** It is of what is registered, so it is kept as it is. */
function expectedText(text: string): string {
  return text.length > LONGEST_EXPECTED ? `${text.slice(0, LONGEST_EXPECTED)}…` : text
}

/** Reads one that was kept; undefined when it is of another version of the program. */
export function readRefusedRequest(text: string): RefusedRequest | undefined {
  const value = JSON.parse(text) as RefusedRequest
  return isCause(value.cause) && REFUSED_AT.includes(value.endpoint) ? value : undefined
}

// What happens to a good token while nobody knows whether it was revoked meanwhile, and that it is said.
import { FeedRefused, FeedUnavailable, type GuardError } from './errors.ts'
import type { Introspection } from './introspection.ts'
import type { Knowledge } from './knowledge.ts'
import type { GuardLog } from './log.ts'
import type { WhenStale } from './options.ts'

/** The policy. */
export interface StalePolicy {
  readonly isStale: boolean
  /** Decides about a token while revocations are stale. @throws FeedUnavailable @throws InvalidToken @throws IntrospectionUnavailable */
  decide(token: string): Promise<void>
  /** How many tokens were let in without knowing. */
  readonly acceptedWhileStale: number
  /** Looks whether that has changed, and says so. */
  watch(): void
}

/** What the policy is made of. */
export interface StalePolicyParts {
  readonly whenStale: WhenStale
  readonly maxStalenessMs: number
  readonly knowledge: Knowledge
  readonly introspect: Introspection | undefined
  readonly fault: () => GuardError | undefined
  readonly log: GuardLog
}

const CONSEQUENCES: { readonly [policy in WhenStale]: string } = {
  refuse: 'Until they are, requests are answered 503 (whenStale: refuse).',
  accept: 'Until they are, revoked tokens are ACCEPTED while they last (whenStale: accept).',
  introspect: 'Until they are, the server is asked about every token (whenStale: introspect).',
}

export function createStalePolicy(parts: StalePolicyParts): StalePolicy {
  const { whenStale, maxStalenessMs, knowledge, introspect, log } = parts
  let acceptedWhileStale = 0
  let wasStale = false

  const isStale = () => knowledge.staleForMs() > maxStalenessMs

  function stale(): FeedUnavailable {
    const fault = parts.fault()
    const age = knowledge.staleForMs()
    const since = Number.isFinite(age) ? `were last known ${Math.round(age / 1000)} s ago` : 'are not known yet'
    const because = { fix: fault?.fix ?? 'The guard is connecting; it should take a moment only.', cause: fault }
    const message = `Revocations ${since}${fault === undefined ? '' : ` (${fault.message})`}`
    return fault instanceof FeedRefused ? new FeedRefused(message, because) : new FeedUnavailable(message, because)
  }

  function watch(): void {
    if (isStale() === wasStale) return
    wasStale = !wasStale
    if (wasStale) log({ level: 'error', message: staleLine() })
    else log({ level: 'info', message: 'revocations are up to date again.' })
  }

  function staleLine(): string {
    const { message, fix } = stale()
    return `${message}. ${CONSEQUENCES[whenStale]} ${fix ?? ''}`
  }

  return {
    get isStale() {
      return isStale()
    },
    async decide(token) {
      watch()
      if (whenStale === 'introspect' && introspect !== undefined) return introspect(token)
      if (whenStale !== 'accept') throw stale()
      acceptedWhileStale += 1
    },
    get acceptedWhileStale() {
      return acceptedWhileStale
    },
    watch,
  }
}

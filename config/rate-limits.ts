// How often who may ask.
import { setting } from './setting.ts'
import { duration, integer, onOff } from './value-kinds.ts'

/** So many requests in so much time. */
export interface Budget {
  readonly max: number
  readonly windowSeconds: number
}

export interface RateLimits {
  readonly enabled: boolean
  /** Sign-in and other people's routes, per client address. */
  readonly people: Budget
  /** The token endpoint, per client and address: wide, since whole offices share one address. */
  readonly tokenPerClient: Budget
  /** Failures at the token endpoint, per client and address: strict. */
  readonly tokenFailures: Budget
  /** The console and the admin API, per person or client. */
  readonly administrators: Budget
}

const WINDOW = duration(1, 86_400)
const COUNT = integer(1, 10_000_000)

export const rateLimitSettings = {
  rateLimits: setting({
    variable: 'LATCHKEY_RATE_LIMITS',
    kind: onOff,
    default: 'on',
    meaning: 'All rate limits. `off` is for tests and benchmarks; production refuses it.',
    example: 'on',
  }),
  rateLimitPeople: setting({
    variable: 'LATCHKEY_RATE_LIMIT_PEOPLE',
    kind: COUNT,
    default: '100',
    meaning: 'Requests to the sign-in and other pages that take forms, per client address and window.',
    example: '100',
  }),
  rateLimitPeopleWindow: setting({
    variable: 'LATCHKEY_RATE_LIMIT_PEOPLE_WINDOW',
    kind: WINDOW,
    default: '900',
    meaning: 'The window of the limit above.',
    example: '15m',
  }),
  rateLimitToken: setting({
    variable: 'LATCHKEY_RATE_LIMIT_TOKEN',
    kind: COUNT,
    default: '6000',
    meaning: 'Requests to the token endpoint, per client, client address and window.',
    example: '6000',
  }),
  rateLimitTokenWindow: setting({
    variable: 'LATCHKEY_RATE_LIMIT_TOKEN_WINDOW',
    kind: WINDOW,
    default: '60',
    meaning: 'The window of the limit above.',
    example: '1m',
  }),
  rateLimitTokenFailures: setting({
    variable: 'LATCHKEY_RATE_LIMIT_TOKEN_FAILURES',
    kind: COUNT,
    default: '30',
    meaning:
      'Requests to the token endpoint that failed, per client, client address and window. A wrong secret counts as one; a wrong code or refresh token as a tenth, since nobody can guess those.',
    example: '30',
  }),
  rateLimitTokenFailuresWindow: setting({
    variable: 'LATCHKEY_RATE_LIMIT_TOKEN_FAILURES_WINDOW',
    kind: WINDOW,
    default: '60',
    meaning: 'The window of the limit above.',
    example: '1m',
  }),
  rateLimitAdministrators: setting({
    variable: 'LATCHKEY_RATE_LIMIT_ADMIN',
    kind: COUNT,
    default: '1200',
    meaning: 'Requests to the console and to the admin API, per person or client and window.',
    example: '1200',
  }),
  rateLimitAdministratorsWindow: setting({
    variable: 'LATCHKEY_RATE_LIMIT_ADMIN_WINDOW',
    kind: WINDOW,
    default: '60',
    meaning: 'The window of the limit above.',
    example: '1m',
  }),
}

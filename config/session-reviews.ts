// Session audits: how often, what is found by them, and how long they are kept.
import { optionalSetting, setting } from './setting.ts'
import { duration, durationOrForever, durationOrOff } from './value-kinds.ts'

/** From which age on something is found, in seconds. */
export interface ReviewAges {
  /** Sessions that began longer ago. */
  readonly session: number
  /** Grants that were not used for so long. */
  readonly grant: number
  /** Refresh tokens that were given so long ago, and never used. */
  readonly refreshToken: number
  /** Secrets of clients that were made longer ago. */
  readonly secret: number
  /** Accounts that were made longer ago, and by which nobody signed in. */
  readonly account: number
}

/** What is set of session audits. */
export interface SessionReviewPolicy {
  /** Seconds from one to the next; undefined: none is made by itself. */
  readonly everySeconds?: number
  /** Seconds that they are kept; undefined: for ever. */
  readonly keptSeconds?: number
  readonly ages: ReviewAges
}

const DAY = 86_400
const YEAR = 365 * DAY

export const sessionReviewSettings = {
  sessionReviewEvery: setting({
    variable: 'LATCHKEY_SESSION_REVIEW_EVERY',
    kind: durationOrOff(DAY, YEAR),
    default: '30d',
    meaning:
      'How often a session audit is made by itself, counted from the last one (docs/how-to/audit-sessions.md). Owners are mailed when it waits for them.',
    example: '30d',
  }),
  sessionReviewSessionAge: optionalSetting({
    variable: 'LATCHKEY_SESSION_REVIEW_SESSION_AGE',
    kind: duration(1, YEAR),
    otherwise: '`LATCHKEY_SESSION_TTL`',
    meaning: 'From which age on a session stands in the audit.',
    example: '7d',
  }),
  sessionReviewGrantAge: setting({
    variable: 'LATCHKEY_SESSION_REVIEW_GRANT_AGE',
    kind: duration(1, YEAR),
    default: '1209600',
    meaning: 'After how long without use a grant stands in the audit.',
    example: '14d',
  }),
  sessionReviewSecretAge: setting({
    variable: 'LATCHKEY_SESSION_REVIEW_SECRET_AGE',
    kind: duration(1, 10 * YEAR),
    default: '7776000',
    meaning: 'From which age on a client’s secret stands in the audit.',
    example: '90d',
  }),
  sessionReviewRetention: setting({
    variable: 'LATCHKEY_SESSION_REVIEW_RETENTION',
    kind: durationOrForever(30 * DAY, 100 * YEAR),
    default: '1095d',
    meaning: 'How long a session audit is kept, from when it was begun.',
    example: '1095d',
  }),
}

/** A token of yesterday that was not used says nothing yet. */
const REFRESH_TOKEN_AGE = DAY

const ACCOUNT_AGE = 30 * DAY

/** What is set, from the values of the settings. */
export function sessionReviewsOf(values: {
  readonly sessionTtl: number
  readonly sessionReviewEvery: number | 'off'
  readonly sessionReviewSessionAge: number | undefined
  readonly sessionReviewGrantAge: number
  readonly sessionReviewSecretAge: number
  readonly sessionReviewRetention: number | 'forever'
}): SessionReviewPolicy {
  const { sessionReviewEvery: every, sessionReviewRetention: kept } = values
  return {
    ...(every === 'off' ? {} : { everySeconds: every }),
    ...(kept === 'forever' ? {} : { keptSeconds: kept }),
    ages: {
      session: values.sessionReviewSessionAge ?? values.sessionTtl,
      grant: values.sessionReviewGrantAge,
      refreshToken: REFRESH_TOKEN_AGE,
      secret: values.sessionReviewSecretAge,
      account: ACCOUNT_AGE,
    },
  }
}

// Every metric there is: name, kind, labels and meaning. The metrics are built from this table, and docs/reference/metrics.md
// is written from it. No label ever holds what a stranger can make up: a client id, an address, a path.

/** A metric. */
export interface MetricRow {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /**
   * What it is told apart by: the values, each of which is there from the start with 0, so that the first event is seen as an
   * increase; or, in words, where the values come from.
   */
  readonly labels: { readonly [label: string]: readonly string[] | string }
  readonly meaning: string
  /** How the figures of several workers become one. Counters and histograms are added up. */
  readonly together?: 'sum' | 'min' | 'max' | 'first'
}

const STORES = ['postgres', 'redis'] as const

const requestMetrics = {
  requests: {
    name: 'latchkey_http_requests_total',
    kind: 'counter',
    labels: {
      route: 'the endpoint or page; `other` for addresses that are neither',
      status: 'of HTTP, or `aborted` when the caller went away first',
    },
    meaning: 'Requests that were answered.',
  },
  requestDuration: {
    name: 'latchkey_http_request_duration_seconds',
    kind: 'histogram',
    labels: { route: 'as above' },
    meaning: 'How long answers took, from the request’s head to the last byte handed to the system.',
  },
  rateLimited: {
    name: 'latchkey_rate_limited_total',
    kind: 'counter',
    labels: { limit: ['people', 'clients', 'client_failures', 'administrators'] },
    meaning: 'Requests that were turned away because there were too many of them.',
  },
} as const satisfies { readonly [metric: string]: MetricRow }

const tokenMetrics = {
  tokensIssued: {
    name: 'latchkey_token_requests_served_total',
    kind: 'counter',
    labels: { grant_type: ['authorization_code', 'refresh_token', 'client_credentials'] },
    meaning: 'Token requests that were answered with tokens.',
  },
  tokensRefused: {
    name: 'latchkey_token_requests_refused_total',
    kind: 'counter',
    labels: { error: 'the error code of OAuth' },
    meaning: 'Token requests that were refused.',
  },
  refreshes: {
    name: 'latchkey_refreshes_total',
    kind: 'counter',
    labels: { outcome: ['rotated', 'kept', 'replayed', 'reused', 'foreign', 'unknown', 'ahead', 'malformed'] },
    meaning:
      'Uses of refresh tokens. `kept`: answered, by a client that does not rotate. `replayed`: repeated inside the window, and answered alike. `reused`: spent, and the grant was ended. `foreign`: another client’s. `unknown`: of no live family. `ahead`: newer than the database knows, as after a restore. `malformed`: no refresh token at all.',
  },
  codes: {
    name: 'latchkey_authorization_codes_total',
    kind: 'counter',
    labels: { outcome: ['redeemed', 'replayed'] },
    meaning: 'Authorization codes that were brought for the first time, and once more.',
  },
  ends: {
    name: 'latchkey_revocations_total',
    kind: 'counter',
    labels: { cause: 'the word in the record: `signed_out`, `refresh_token_reused`, `token_revoked` …' },
    meaning: 'Ends of sessions, grants and tokens before their time.',
  },
  sequence: {
    name: 'latchkey_revocation_sequence',
    kind: 'gauge',
    labels: {},
    meaning: 'The number of the last revocation.',
    together: 'max',
  },
  feedSequence: {
    name: 'latchkey_feed_sequence',
    kind: 'gauge',
    labels: {},
    meaning: 'Up to which revocation the process knows the list; of several workers, the one that is furthest behind.',
    together: 'min',
  },
  feedEntries: {
    name: 'latchkey_feed_entries',
    kind: 'gauge',
    labels: {},
    meaning: 'Revocations that still say something.',
    together: 'max',
  },
  feedListeners: {
    name: 'latchkey_feed_listeners',
    kind: 'gauge',
    labels: {},
    meaning: 'Resource servers that listen to revocations.',
  },
  feedResets: {
    name: 'latchkey_feed_resets_total',
    kind: 'counter',
    labels: {},
    meaning: 'Listeners that were sent away because they were too slow, to take the whole list again.',
  },
} as const satisfies { readonly [metric: string]: MetricRow }

const signInMetrics = {
  signIns: {
    name: 'latchkey_sign_ins_total',
    kind: 'counter',
    labels: {
      outcome: ['succeeded', 'wrong_password', 'unknown_account', 'suspended', 'too_many_failures', 'changed_meanwhile', 'busy'],
    },
    meaning:
      'Attempts to sign in with a password. `busy`: the server could not hash in time, and the person was asked to come again.',
  },
  hashingWaiting: {
    name: 'latchkey_password_hashing_waiting',
    kind: 'gauge',
    labels: {},
    meaning: 'Passwords that wait to be hashed.',
  },
} as const satisfies { readonly [metric: string]: MetricRow }

const storeMetrics = {
  storeUp: {
    name: 'latchkey_store_up',
    kind: 'gauge',
    labels: { store: STORES },
    meaning: 'Whether the store answers, asked when the metrics are.',
    together: 'min',
  },
  storeFailures: {
    name: 'latchkey_store_failures_total',
    kind: 'counter',
    labels: { store: STORES },
    meaning: 'Requests, and runs of background work, that failed because the store did not answer.',
  },
  connections: {
    name: 'latchkey_database_connections',
    kind: 'gauge',
    labels: { state: ['idle', 'busy'] },
    meaning: 'Connections to PostgreSQL.',
  },
  poolWaiting: {
    name: 'latchkey_database_pool_waiting',
    kind: 'gauge',
    labels: {},
    meaning: 'Queries that wait for a connection.',
  },
} as const satisfies { readonly [metric: string]: MetricRow }

const backgroundMetrics = {
  taskSuccess: {
    name: 'latchkey_task_last_success_timestamp_seconds',
    kind: 'gauge',
    labels: { task: 'the name of the background work' },
    meaning: 'When the background work was last done; of several workers, the one that is furthest behind.',
    together: 'min',
  },
  taskFailures: {
    name: 'latchkey_task_failures_total',
    kind: 'counter',
    labels: { task: 'as above' },
    meaning: 'Runs of background work that failed. They are tried again.',
  },
  purgeBacklog: {
    name: 'latchkey_purge_backlog_rows',
    kind: 'gauge',
    labels: { table: 'the name of the table' },
    meaning: 'Rows past their time that are still there. Told by the process that purges, and by no other.',
    together: 'max',
  },
  mails: {
    name: 'latchkey_mails_total',
    kind: 'counter',
    labels: { outcome: ['delivered', 'postponed', 'given_up'] },
    meaning: 'Attempts to deliver a mail.',
  },
  mailsWaiting: {
    name: 'latchkey_mails_waiting',
    kind: 'gauge',
    labels: {},
    meaning: 'Mails in the outbox.',
    together: 'max',
  },
  logoutNotifications: {
    name: 'latchkey_logout_notifications_total',
    kind: 'counter',
    labels: { outcome: ['delivered', 'postponed', 'given_up'] },
    meaning: 'Attempts to tell an app that a session is over (back-channel logout).',
  },
  logoutNotificationsWaiting: {
    name: 'latchkey_logout_notifications_waiting',
    kind: 'gauge',
    labels: {},
    meaning: 'Apps that are still to be told that a session is over, counted once for each session and not beyond 10,001.',
    together: 'max',
  },
  webhookDeliveries: {
    name: 'latchkey_webhook_deliveries_total',
    kind: 'counter',
    labels: { outcome: ['delivered', 'postponed', 'given_up'] },
    meaning: 'Attempts to tell a webhook what happened.',
  },
  webhookDeliveriesWaiting: {
    name: 'latchkey_webhook_deliveries_waiting',
    kind: 'gauge',
    labels: {},
    meaning: 'Events that webhooks are still to be told, counted once for each webhook and not beyond 10,001.',
    together: 'max',
  },
  signals: {
    name: 'latchkey_signals_total',
    kind: 'counter',
    labels: { outcome: ['delivered', 'postponed', 'given_up'] },
    meaning:
      'Security events that a stream took, that are tried again, and that were given up (Shared Signals), pushed or fetched.',
  },
  processes: {
    name: 'latchkey_processes',
    kind: 'gauge',
    labels: {},
    meaning: 'Server processes that answered the question for metrics.',
  },
  build: {
    name: 'latchkey_build_info',
    kind: 'gauge',
    labels: { version: 'of Latchkey', node: 'the version of Node' },
    meaning: 'Always 1.',
    together: 'first',
  },
} as const satisfies { readonly [metric: string]: MetricRow }

/** The table, by the name that a metric has in the program. */
export const METRICS = {
  ...requestMetrics,
  ...tokenMetrics,
  ...signInMetrics,
  ...storeMetrics,
  ...backgroundMetrics,
}

/** The same in the groups of the documentation. */
export const metricGroups: readonly { readonly title: string; readonly rows: readonly MetricRow[] }[] = [
  { title: 'Requests', rows: Object.values(requestMetrics) },
  { title: 'Tokens and revocations', rows: Object.values(tokenMetrics) },
  { title: 'Sign-in', rows: Object.values(signInMetrics) },
  { title: 'Stores', rows: Object.values(storeMetrics) },
  { title: 'The program', rows: Object.values(backgroundMetrics) },
]

// The settings: variable, schema, default, meaning. docs/configuration.md and config/example.env are written from this table.
import { lifetimeSettings } from './lifetimes.ts'
import { passwordSettings } from './password-policy.ts'
import { rateLimitSettings } from './rate-limits.ts'
import { secretSettings } from './secrets.ts'
import { sessionReviewSettings } from './session-reviews.ts'
import { optionalSetting, type Setting, setting } from './setting.ts'
import {
  countOrAuto,
  duration,
  durationOrForever,
  headerName,
  hostList,
  integer,
  issuer,
  listenHost,
  mailAddress,
  networkList,
  oneOf,
  onOff,
  path,
  port,
  proxyList,
} from './value-kinds.ts'

const serverSettings = {
  environment: setting({
    variable: 'NODE_ENV',
    kind: oneOf('development', 'production', 'test'),
    default: 'development',
    meaning: 'Production refuses whatever is only good enough to try things out.',
    example: 'production',
  }),
  host: setting({
    variable: 'HOST',
    kind: listenHost,
    default: { development: '127.0.0.1', production: '0.0.0.0' },
    meaning: 'The address to listen on.',
    example: '127.0.0.1',
  }),
  port: setting({
    variable: 'PORT',
    kind: port,
    default: '3000',
    meaning: 'The port to listen on.',
    example: '3000',
  }),
  issuer: optionalSetting({
    variable: 'ISSUER',
    kind: issuer,
    otherwise: '`http://localhost:$PORT`; required in production',
    meaning:
      'The URL by which browsers and apps reach the server, and the `iss` of its tokens. A slash at the end is taken away. In production it is https, unless the host is this machine.',
    example: 'https://id.example.com',
  }),
  dataDir: setting({
    variable: 'DATA_DIR',
    kind: path,
    default: './.data',
    meaning:
      'The folder for what the program keeps on its own machine: the embedded database, the secrets made for development, the setup link.',
    example: '/var/lib/latchkey',
  }),
  trustProxy: setting({
    variable: 'TRUST_PROXY',
    kind: proxyList,
    default: '',
    meaning:
      'The proxies that may name the client’s address (`X-Forwarded-For`): addresses, CIDR ranges, `loopback`, `private`. Empty: nobody. Any other caller could choose the address it is limited and recorded by.',
    example: '10.0.0.0/8',
  }),
  clientCertificateHeader: setting({
    variable: 'LATCHKEY_CLIENT_CERTIFICATE_HEADER',
    kind: headerName,
    default: '',
    meaning:
      'The header in which a proxy of `TRUST_PROXY` hands over the certificate that a client showed to it (docs/explanation/bound-tokens.md). Empty: there is no mutual TLS.',
    example: 'Client-Cert',
  }),
  clientCertificateChain: setting({
    variable: 'LATCHKEY_CLIENT_CERTIFICATE_CHAIN',
    kind: oneOf('checked', 'unchecked'),
    default: 'unchecked',
    meaning:
      'Whether that proxy hands over only certificates whose issuer it has checked. If not, clients authenticate by certificates that are registered themselves, never by a name in one.',
    example: 'checked',
  }),
  workers: setting({
    variable: 'WORKERS',
    kind: countOrAuto(256, 256),
    default: '1',
    meaning: 'Server processes. More than one needs `DATABASE_URL` and `REDIS_URL`.',
    example: 'auto',
  }),
  hostAliases: setting({
    variable: 'LATCHKEY_HOST_ALIASES',
    kind: hostList,
    default: '',
    meaning: 'Further `Host` values to answer to. Every other host but the issuer’s is refused (421).',
    example: 'id.internal.example.com,localhost:3000',
  }),
  managementHost: setting({
    variable: 'MANAGEMENT_HOST',
    kind: listenHost,
    default: '127.0.0.1',
    meaning: 'The address on which health and metrics are served. Do not make it public.',
    example: '127.0.0.1',
  }),
  managementPort: setting({
    variable: 'MANAGEMENT_PORT',
    kind: port,
    default: '9464',
    meaning: 'The port of health and metrics.',
    example: '9464',
  }),
  answerWithinMs: setting({
    variable: 'LATCHKEY_ANSWER_WITHIN_MS',
    kind: integer(500, 60_000),
    default: '1700',
    meaning:
      'How long a request may take, in milliseconds. Then it is answered 503 with `Retry-After`, whatever it still waits for. A request that changes something in the admin API, the console or somebody’s own account has ten seconds at least, as a sign-out has: it may end very much, and is to be told what.',
    example: '1700',
  }),
  logLevel: setting({
    variable: 'LOG_LEVEL',
    kind: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    meaning: 'The least important lines that are logged.',
    example: 'info',
  }),
  logFormat: setting({
    variable: 'LOG_FORMAT',
    kind: oneOf('json', 'pretty'),
    default: { development: 'pretty', production: 'json' },
    meaning: 'Log lines for machines or for people.',
    example: 'json',
  }),
  databasePoolSize: setting({
    variable: 'LATCHKEY_DATABASE_POOL_SIZE',
    kind: integer(1, 500),
    default: '10',
    meaning: 'Connections to PostgreSQL that each process may hold.',
    example: '10',
  }),
}

const contentSettings = {
  provisionFile: optionalSetting({
    variable: 'PROVISION_FILE',
    kind: path,
    otherwise: 'none',
    meaning: 'A file of clients, resource servers, accounts and settings that is applied at start (docs/provision-file.md).',
    example: '/etc/latchkey/provision.yaml',
  }),
  demo: setting({
    variable: 'DEMO',
    kind: onOff,
    default: { development: 'on', production: 'off' },
    meaning: 'The demo apps and accounts. Production refuses them.',
    example: 'off',
  }),
  mailFrom: optionalSetting({
    variable: 'MAIL_FROM',
    kind: mailAddress,
    otherwise: 'none',
    meaning: 'The sender of the server’s mail. Required with `SMTP_URL`.',
    example: 'Latchkey <no-reply@example.com>',
  }),
  signOutScope: setting({
    variable: 'LATCHKEY_SIGN_OUT_SCOPE',
    kind: oneOf('session', 'account'),
    default: 'session',
    meaning: 'What signing out ends: this session, or all sessions of the account.',
    example: 'session',
  }),
  sessionRevocation: setting({
    variable: 'LATCHKEY_SESSION_REVOCATION',
    kind: oneOf('end_offline', 'keep_offline'),
    default: 'end_offline',
    meaning:
      'What ends with a session that its person or an operator ends: `end_offline` also the refresh tokens with `offline_access` that were given in it, `keep_offline` not those.',
    example: 'end_offline',
  }),
  expiredSessionTokens: setting({
    variable: 'LATCHKEY_EXPIRED_SESSION_TOKENS',
    kind: oneOf('live_out', 'end'),
    default: 'live_out',
    meaning:
      'What becomes of access tokens when their session expires or is not used: they live out their minutes, or end with it and are revoked.',
    example: 'end',
  }),
  logoutPrivateAddresses: setting({
    variable: 'LATCHKEY_LOGOUT_PRIVATE_ADDRESSES',
    kind: networkList,
    default: { development: 'loopback', production: 'none' },
    meaning:
      'Private networks in which apps may be told of a sign-out (`backchannel_logout_uri`): addresses, CIDR ranges, `loopback`, `private`. With `none` nobody can reach into your network by a registration.',
    example: '10.20.0.0/16',
  }),
  webhookPrivateAddresses: setting({
    variable: 'LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES',
    kind: networkList,
    default: { development: 'loopback', production: 'none' },
    meaning:
      'Private networks in which webhooks may be told what happens (docs/reference/webhooks.md), and security events be pushed: addresses, CIDR ranges, `loopback`, `private`; or `none`.',
    example: '10.20.0.0/16',
  }),
  auditRetention: setting({
    variable: 'LATCHKEY_AUDIT_RETENTION',
    kind: durationOrForever(30 * 86_400, 100 * 365 * 86_400),
    default: 'forever',
    meaning:
      'How long events of the audit log are kept (docs/reference/audit-log.md). Then they are removed, with an event that says so.',
    example: '400d',
  }),
  sharedSignals: setting({
    variable: 'LATCHKEY_SHARED_SIGNALS',
    kind: onOff,
    default: 'off',
    meaning:
      'Whether clients with the scope `ssf.manage` may have a stream of security events (OpenID Shared Signals and CAEP, docs/reference/shared-signals.md).',
    example: 'on',
  }),
  dpopNonce: setting({
    variable: 'LATCHKEY_DPOP_NONCE',
    kind: oneOf('optional', 'required'),
    default: 'optional',
    meaning:
      'Whether DPoP proofs must carry a nonce of the server’s (RFC 9449 §8), so that none can be made in advance. Every app must then be able to repeat its request with one.',
    example: 'required',
  }),
  statusLists: setting({
    variable: 'LATCHKEY_STATUS_LISTS',
    kind: onOff,
    default: 'off',
    meaning:
      'Whether JWT access tokens name a place in a status list, where APIs that do not follow the revocations feed can look whether they were ended (docs/reference/status-lists.md). Each such token then costs a row.',
    example: 'on',
  }),
  statusListTtl: setting({
    variable: 'LATCHKEY_STATUS_LIST_TTL',
    kind: duration(1, 300),
    default: '15',
    meaning: 'How long an API may go by a status list before it takes it again, and so how much later it knows of a revocation.',
    example: '15',
  }),
}

/** Every setting there is, by the name it has in the program. */
export const settings = {
  ...serverSettings,
  ...secretSettings,
  ...contentSettings,
  ...lifetimeSettings,
  ...passwordSettings,
  ...rateLimitSettings,
  ...sessionReviewSettings,
}

/** The same in the groups of the documentation. */
export const settingGroups: readonly { readonly title: string; readonly settings: readonly Setting<unknown>[] }[] = [
  { title: 'Server', settings: Object.values(serverSettings) },
  { title: 'Secrets', settings: Object.values(secretSettings) },
  { title: 'Content and behaviour', settings: Object.values(contentSettings) },
  { title: 'Lifetimes', settings: Object.values(lifetimeSettings) },
  { title: 'Passwords', settings: Object.values(passwordSettings) },
  { title: 'Rate limits', settings: Object.values(rateLimitSettings) },
  { title: 'Session audits', settings: Object.values(sessionReviewSettings) },
]

/** Those that decide what a revocation reaches, and how soon: of all of them the first to be looked at. */
export const revocationSettings: readonly Setting<unknown>[] = [
  settings.sessionRevocation,
  settings.signOutScope,
  settings.expiredSessionTokens,
  settings.accessTokenTtl,
  settings.clientCredentialsTtl,
  settings.refreshReplayWindow,
  settings.statusLists,
  settings.statusListTtl,
  settings.sharedSignals,
  settings.logoutPrivateAddresses,
]

/** What the settings are when they have been read. */
export type SettingValues = {
  readonly [Name in keyof typeof settings]: (typeof settings)[Name] extends Setting<infer Value> ? Value : never
}

/** The prefix of the settings of product policy, which can also stand in a provision file, in lower case and without it. */
export const POLICY_PREFIX = 'LATCHKEY_'

// The configuration: the only place that reads the environment of the process. Every fault is reported at once; the result is frozen.
import { resolve } from 'node:path'
import { developmentSecrets } from './development-secrets.ts'
import { ConfigError, type Fault, quoted } from './faults.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { Hashing, PasswordPolicy } from './password-policy.ts'
import { productionFaults } from './production.ts'
import type { RateLimits } from './rate-limits.ts'
import { missing, type Readings, readSettings, type Source, type Variables } from './read-settings.ts'
import { Secret, type Secrets } from './secrets.ts'
import { type SessionReviewPolicy, sessionReviewsOf } from './session-reviews.ts'
import { type Environment, lineFor } from './setting.ts'
import { type SettingValues, settings } from './settings.ts'

/** What the program was told. Nothing in it is secret. */
export interface Config {
  readonly environment: Environment
  readonly host: string
  readonly port: number
  /** An origin, without a slash at the end. */
  readonly issuer: string
  /** Further `Host` values that are answered. */
  readonly hostAliases: readonly string[]
  /** An absolute path. */
  readonly dataDir: string
  readonly database: 'embedded' | 'postgres'
  readonly databasePoolSize: number
  readonly answerWithinMs: number
  readonly redis: 'memory' | 'redis'
  /** Addresses and CIDR ranges of proxies that may name the client's address. Empty: none. */
  readonly trustProxy: readonly string[]
  /** How a proxy hands over clients' certificates; undefined: not at all. `header` is in lower case. */
  readonly clientCertificates?: { readonly header: string; readonly chainChecked: boolean }
  readonly log: { readonly level: string; readonly format: 'json' | 'pretty' }
  /** An absolute path. */
  readonly provisionFile?: string
  readonly demo: boolean
  readonly workers: number
  readonly management: { readonly host: string; readonly port: number }
  /** `mailbox`: mail goes into the data directory, for the page /dev/mail. `off`: none is written. */
  readonly mail: 'smtp' | 'mailbox' | 'off'
  readonly mailFrom?: string
  readonly rateLimits: RateLimits
  readonly lifetimes: Lifetimes
  /** Seconds in which a used refresh token gets the same successor again. */
  readonly refreshReplayWindow: number
  readonly signOutScope: 'session' | 'account'
  readonly sessionRevocation: 'end_offline' | 'keep_offline'
  readonly expiredSessionTokens: 'live_out' | 'end'
  /** Addresses and CIDR ranges of private networks where apps may be told of a sign-out. */
  readonly logoutPrivateAddresses: readonly string[]
  /** Private networks in which webhooks may be told what happens, as addresses and CIDR ranges. */
  readonly webhookPrivateAddresses: readonly string[]
  /** Seconds that events of the audit log are kept; undefined: for ever. */
  readonly auditRetention?: number
  /** Whether clients may have streams of security events. */
  readonly sharedSignals: boolean
  /** Whether DPoP proofs must carry a nonce. */
  readonly dpopNonce: 'optional' | 'required'
  /** How status lists are kept; undefined: there are none. */
  readonly statusLists?: { readonly ttlSeconds: number }
  readonly passwordPolicy: PasswordPolicy
  readonly hashing: Hashing
  readonly sessionReviews: SessionReviewPolicy
  /** Every setting as it was given, and where it came from. */
  readonly inForce: readonly SettingInForce[]
}

/** One setting as `config print` and the console show it. */
export interface SettingInForce {
  readonly variable: string
  /** `[redacted]` for a secret, `not set` for a missing one. */
  readonly value: string
  readonly source: Source
}

/**
 * Reads, checks and freezes the configuration. In development, keys that were not given are made and kept in `dataDir`.
 * @throws ConfigError that tells every fault
 */
export function loadConfig(variables: Variables = process.env): { config: Config; secrets: Secrets } {
  const { config, makeSecrets } = readConfig(variables)
  return { config, secrets: makeSecrets() }
}

/**
 * The same in two steps, for a program that makes sure of its ports before it writes anything.
 * @throws ConfigError that tells every fault
 */
export function readConfig(variables: Variables = process.env): { config: Config; makeSecrets: () => Secrets } {
  const readings = readSettings(variables)
  const values = checkedValues(readings)
  const config = deepFreeze({ ...configOf(values), inForce: inForceOf(readings, values) })
  return { config, makeSecrets: () => deepFreeze(secretsOf(values, config)) }
}

/**
 * Checks the configuration and says what is in force, without writing anything.
 * @throws ConfigError that tells every fault
 */
export function settingsInForce(variables: Variables = process.env): readonly SettingInForce[] {
  return readConfig(variables).config.inForce
}

function inForceOf({ byVariable }: Readings, values: SettingValues): SettingInForce[] {
  return Object.values(settings).map((row) => {
    const { source, text } = byVariable.get(row.variable) ?? { source: 'not set', text: undefined }
    if (row.variable === settings.issuer.variable)
      return { variable: row.variable, value: issuerOf(values), source: text === undefined ? 'default' : source }
    return { variable: row.variable, value: text === undefined ? 'not set' : row.secret ? '[redacted]' : text, source }
  })
}

function checkedValues(readings: Readings): SettingValues {
  const faults = [
    ...readings.faults,
    ...(readings.environment === 'production' ? productionFaults(readings) : []),
    ...contradictions(readings),
  ]
  if (faults.length > 0) throw new ConfigError(faults)
  // Without a fault every value has been read.
  return readings.values as SettingValues
}

/** Settings that are right one by one and wrong together. */
function contradictions({ values, environment, byVariable }: Readings): Fault[] {
  const faults: Fault[] = []
  const { port, managementPort, refreshIdleTtl, refreshAbsoluteTtl, passwordMinLength, passwordMaxLength, workers } = values
  for (const row of [settings.port, settings.managementPort]) {
    const value = row === settings.port ? port : managementPort
    if (value === 0 && environment !== 'test')
      faults.push({ name: row.variable, read: '"0"', wanted: row.wanted, example: lineFor(row) })
  }
  if (port !== undefined && port !== 0 && port === managementPort) {
    faults.push(conflict(settings.managementPort.variable, String(port), `another port than PORT (${port})`, String(port + 1)))
  }
  if (refreshIdleTtl !== undefined && refreshAbsoluteTtl !== undefined && refreshIdleTtl > refreshAbsoluteTtl) {
    const { variable, example } = settings.refreshIdleTtl
    faults.push(
      conflict(
        variable,
        `${refreshIdleTtl} seconds`,
        `no more than LATCHKEY_REFRESH_ABSOLUTE_TTL (${refreshAbsoluteTtl} seconds)`,
        example,
      ),
    )
  }
  if (passwordMinLength !== undefined && passwordMaxLength !== undefined && passwordMinLength > passwordMaxLength) {
    faults.push(
      conflict(settings.passwordMinLength.variable, String(passwordMinLength), 'no more than LATCHKEY_PASSWORD_MAX_LENGTH', '12'),
    )
  }
  if (values.smtpUrl !== undefined && byVariable.get(settings.mailFrom.variable)?.source === 'not set')
    faults.push(missing(settings.mailFrom, 'required with SMTP_URL'))
  if (values.clientCertificateHeader && values.trustProxy?.length === 0) {
    const { variable, example } = settings.trustProxy
    faults.push(conflict(variable, '', `the proxy that writes ${settings.clientCertificateHeader.variable}`, example))
  }
  // In production both are missed by name already.
  if (workers !== undefined && workers > 1 && environment !== 'production' && !(values.databaseUrl && values.redisUrl)) {
    faults.push(
      conflict(
        settings.workers.variable,
        String(workers),
        '1, or DATABASE_URL and REDIS_URL as well: processes cannot share memory',
        '1',
      ),
    )
  }
  return faults
}

function conflict(name: string, read: string, wanted: string, example: string): Fault {
  return { name, read: quoted(read), wanted, example: `${name}=${example}` }
}

function configOf(values: SettingValues): Omit<Config, 'inForce'> {
  return {
    environment: values.environment,
    host: values.host,
    port: values.port,
    issuer: issuerOf(values),
    hostAliases: values.hostAliases,
    dataDir: resolve(values.dataDir),
    database: values.databaseUrl ? 'postgres' : 'embedded',
    databasePoolSize: values.databasePoolSize,
    answerWithinMs: values.answerWithinMs,
    redis: values.redisUrl ? 'redis' : 'memory',
    trustProxy: values.trustProxy,
    ...clientCertificatesOf(values),
    log: { level: values.logLevel, format: values.logFormat },
    ...(values.provisionFile === undefined ? {} : { provisionFile: resolve(values.provisionFile) }),
    demo: values.demo,
    workers: values.workers,
    management: { host: values.managementHost, port: values.managementPort },
    mail: values.smtpUrl ? 'smtp' : values.environment === 'production' ? 'off' : 'mailbox',
    ...(values.mailFrom === undefined ? {} : { mailFrom: values.mailFrom }),
    rateLimits: rateLimitsOf(values),
    lifetimes: lifetimesOf(values),
    refreshReplayWindow: values.refreshReplayWindow,
    signOutScope: values.signOutScope,
    sessionRevocation: values.sessionRevocation,
    expiredSessionTokens: values.expiredSessionTokens,
    logoutPrivateAddresses: values.logoutPrivateAddresses,
    webhookPrivateAddresses: values.webhookPrivateAddresses,
    ...(values.auditRetention === 'forever' ? {} : { auditRetention: values.auditRetention }),
    sharedSignals: values.sharedSignals,
    dpopNonce: values.dpopNonce,
    ...(values.statusLists ? { statusLists: { ttlSeconds: values.statusListTtl } } : {}),
    passwordPolicy: { minLength: values.passwordMinLength, maxLength: values.passwordMaxLength, history: values.passwordHistory },
    hashing: {
      memoryKiB: values.hashMemory,
      passes: values.hashPasses,
      parallelism: values.hashParallelism,
      concurrency: values.hashConcurrency,
      maxQueue: values.hashQueue,
      // Where a request may take longer, so may a password wait for its turn.
      maxWait: Math.max(1500, values.answerWithinMs / 2),
    },
    sessionReviews: sessionReviewsOf(values),
  }
}

function issuerOf(values: SettingValues): string {
  return values.issuer ?? `http://localhost:${values.port}`
}

function clientCertificatesOf(values: SettingValues): Pick<Config, 'clientCertificates'> {
  const { clientCertificateHeader: header, clientCertificateChain } = values
  return header === '' ? {} : { clientCertificates: { header, chainChecked: clientCertificateChain === 'checked' } }
}

function lifetimesOf(values: SettingValues): Lifetimes {
  return {
    accessToken: values.accessTokenTtl,
    idToken: values.idTokenTtl,
    authorizationCode: values.authorizationCodeTtl,
    clientCredentials: values.clientCredentialsTtl,
    session: values.sessionTtl,
    sessionIdle: values.sessionIdleTtl,
    interaction: values.interactionTtl,
    grant: values.refreshAbsoluteTtl,
    refreshIdle: values.refreshIdleTtl,
    refreshAbsolute: values.refreshAbsoluteTtl,
    setupLink: values.setupLinkTtl,
    passwordLink: values.passwordLinkTtl,
  }
}

function rateLimitsOf(values: SettingValues): RateLimits {
  return {
    enabled: values.rateLimits,
    people: { max: values.rateLimitPeople, windowSeconds: values.rateLimitPeopleWindow },
    tokenPerClient: { max: values.rateLimitToken, windowSeconds: values.rateLimitTokenWindow },
    tokenFailures: { max: values.rateLimitTokenFailures, windowSeconds: values.rateLimitTokenFailuresWindow },
    administrators: { max: values.rateLimitAdministrators, windowSeconds: values.rateLimitAdministratorsWindow },
  }
}

/** Outside production, keys that were not given are those of the data directory. */
function secretsOf(values: SettingValues, config: Config): Secrets {
  const { databaseUrl, migrationDatabaseUrl, redisUrl, smtpUrl, encryptionKeys, cookieKeys } = values
  const made = encryptionKeys && cookieKeys ? undefined : developmentSecrets(config.dataDir)
  return {
    ...(databaseUrl && { databaseUrl }),
    ...(migrationDatabaseUrl && { migrationDatabaseUrl }),
    ...(redisUrl && { redisUrl }),
    ...(smtpUrl && { smtpUrl }),
    encryptionKeys: encryptionKeys ?? (made ? [new Secret(made.encryptionKey)] : []),
    cookieKeys: cookieKeys ?? (made ? [new Secret(made.cookieKey)] : []),
  }
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part)
  }
  return Object.freeze(value)
}

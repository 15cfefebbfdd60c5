// Builds the nouns: what the server knows how to do, before any protocol or page.
import { createSecretKey } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { type Accounts, createAccounts } from '../accounts/accounts.ts'
import { createLockout } from '../accounts/lockout.ts'
import { type ChangePassword, createPasswordChange } from '../accounts/password-change.ts'
import { createPasswords, type Passwords } from '../accounts/passwords.ts'
import { createSetupLinks, type SetupLinks } from '../accounts/setup-links.ts'
import { createSignIn, type SignIn } from '../accounts/sign-in.ts'
import { type Consents, createConsents } from '../grants/consents.ts'
import { createGrants, type Grants } from '../grants/grants.ts'
import { addressKey } from '../http/client-address.ts'
import type { Metrics } from '../http/metrics.ts'
import { type EndEverythingRequest, endEverySession, endEverything } from '../sessions/end-everything.ts'
import { endAccount } from '../sessions/session-ends.ts'
import { createSessionExpiry, type SessionExpiry } from '../sessions/session-expiry.ts'
import { createSessions, type Sessions } from '../sessions/sessions.ts'
import { type AccessTokens, createAccessTokens } from '../tokens/access-tokens.ts'
import { type Announce, createEndings, type Endings } from '../tokens/ending.ts'
import type { Wait } from '../tokens/minting.ts'
import { createOnce, type Once } from '../tokens/once.ts'
import { createRefreshFamilies, type RefreshFamilies } from '../tokens/refresh-families.ts'
import { createStatusLists, type StatusLists } from '../tokens/status-lists.ts'
import { createTokenStatus, type TokenStatus } from '../tokens/token-status.ts'
import { createEvents, type Events } from './events.ts'
import type { OpenStores } from './stores.ts'

/** The nouns. */
export interface Nouns {
  readonly accessTokens: AccessTokens
  readonly accounts: Accounts
  /** Tells the neighbours of revocations that were written in a transaction of the caller's. */
  readonly announce: Announce
  readonly consents: Consents
  readonly endings: Endings
  /** Ends all that was ever given out; undefined when there was no need. */
  endEverything(request: EndEverythingRequest): ReturnType<typeof endEverything>
  /** Ends every session of everybody, and every access token. */
  endEverySession(request: Parameters<typeof endEverySession>[1]): ReturnType<typeof endEverySession>
  readonly events: Events
  readonly families: RefreshFamilies
  readonly grants: Grants
  readonly once: Once
  readonly changePassword: ChangePassword
  readonly passwords: Passwords
  readonly sessions: Sessions
  readonly sessionExpiry: SessionExpiry
  readonly setupLinks: SetupLinks
  readonly signIn: SignIn
  /** To be told when a page asks for a password. */
  readonly passwordComes: () => void
  /** Undefined where there are none. */
  readonly statusLists: StatusLists | undefined
  readonly tokenStatus: TokenStatus
  /** The longest life, in seconds, that an access token can have. */
  accessTokenLifeSeconds(): number
  /** Tells of an access-token life that is in use, so that revocations are remembered at least as long. */
  noteAccessTokenLife(seconds: number): void
  close(): Promise<void>
}

/** Builds them. */
export function createNouns(deps: {
  readonly config: Config
  readonly clock: Clock
  readonly stores: OpenStores
  readonly metrics: Metrics
  /** Told of revocations of this process that have been committed. */
  readonly announce: Announce
  /** Told that apps are to hear of an end. */
  readonly appsWait: (commit: 'done' | 'soon') => void
}): Nouns {
  const { config, clock, stores, metrics, announce } = deps
  const { db, sealer } = stores
  let accessTokenLife = Math.max(config.lifetimes.accessToken, config.lifetimes.clientCredentials)
  // What other processes issue, or have issued, stands in the database (tokens/revocations.ts).
  const endings = createEndings({
    db,
    accessTokenLifeSeconds: () => accessTokenLife,
    announce,
    ended: (cause) => metrics.count('ends', { cause }),
    appsWait: deps.appsWait,
  })
  const keepOffline = config.sessionRevocation === 'keep_offline'
  const sessions = createSessions({ db, endings, idleSeconds: config.lifetimes.sessionIdle, keepOffline })
  const passwords = createPasswords({ hashing: config.hashing })
  metrics.whenAsked(() => metrics.set('hashingWaiting', {}, passwords.waiting()))
  const accounts = createAccounts({ db, passwords })
  const policy = config.passwordPolicy
  const wait: Wait = (seconds) => sleep(seconds * 1000)
  const lockout = createLockout({
    db,
    secret: sealer.derive('sign-in failures'),
    addressKey,
    enabled: config.rateLimits.enabled,
  })
  return {
    accessTokens: createAccessTokens({ db }),
    accounts,
    announce,
    consents: createConsents({ db }),
    endings,
    ...endsOfEverybody({ stores, endings, announce }),
    events: createEvents({ db, clock, endings, passwords, policy, keepOffline }),
    families: createRefreshFamilies({
      db,
      wait,
      successorKeys: sealer.deriveAll('refresh successors').map((key) => createSecretKey(key)),
      replayWindowSeconds: config.refreshReplayWindow,
      idleSeconds: config.lifetimes.refreshIdle,
      absoluteSeconds: config.lifetimes.refreshAbsolute,
    }),
    grants: createGrants({ db, wait }),
    once: createOnce({ db }),
    changePassword: createPasswordChange({
      db,
      passwords,
      lockout,
      policy,
      endings,
      endOthers: endAccount,
    }),
    passwords,
    sessions,
    sessionExpiry: createSessionExpiry({ ...deps, db, endings, accessTokenLifeSeconds: () => accessTokenLife }),
    setupLinks: createSetupLinks({ db, accounts, passwords, policy, lifetimeSeconds: config.lifetimes.setupLink }),
    passwordComes: passwords.prepare,
    signIn: createSignIn({ db, passwords, lockout, tried: (outcome) => metrics.count('signIns', { outcome }) }),
    statusLists: config.statusLists === undefined ? undefined : createStatusLists({ db }),
    tokenStatus: createTokenStatus({ db }),
    accessTokenLifeSeconds: () => accessTokenLife,
    noteAccessTokenLife(seconds) {
      accessTokenLife = Math.max(accessTokenLife, seconds)
    },
    async close() {
      await passwords.close()
    },
  }
}

/** They have a transaction of their own, which `endings` does not see committed. */
function endsOfEverybody({
  stores,
  endings,
  announce,
}: {
  readonly stores: OpenStores
  readonly endings: Endings
  readonly announce: Announce
}): Pick<Nouns, 'endEverything' | 'endEverySession'> {
  const announced = async <Outcome>(end: (deps: Parameters<typeof endEverything>[0]) => Promise<Outcome>): Promise<Outcome> => {
    const outcome = await stores.patiently((db) => end({ db, endings }))
    await announce([])
    return outcome
  }
  return {
    endEverything: (request) => announced((deps) => endEverything(deps, request)),
    endEverySession: (request) => announced((deps) => endEverySession(deps, request)),
  }
}

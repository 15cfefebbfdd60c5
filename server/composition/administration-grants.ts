// Builds what administrators do with grants, with tokens, and with the notifications that tell apps of ends.

import type { Config } from '../../config/config.ts'
import { grantRoutes } from '../admin-api/grants.ts'
import { logoutNotificationRoutes } from '../admin-api/logout-notifications.ts'
import { revocationRoutes } from '../admin-api/revocations.ts'
import type { ApiRoute } from '../admin-api/route.ts'
import { tokenRoutes } from '../admin-api/tokens.ts'
import { isClientSecret } from '../clients/client-secrets-store.ts'
import { createGrantDetails, type GrantDetail } from '../grants/grant-detail.ts'
import type { GrantFilter } from '../grants/grant-filter.ts'
import { createGrantPreview, type GrantPreview, type PreviewGrants } from '../grants/grant-preview.ts'
import { createGrantSearch, type GrantSearch } from '../grants/grant-search.ts'
import { createTokenRevocation, type TokenRevocation } from '../grants/token-revocation.ts'
import type { Cursors } from '../http/cursors.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { readKeyStatus } from '../keys/signing-keys.ts'
import { createCodeLookup } from '../provider/stored-codes.ts'
import { type BulkEnds, createBulkEnds } from '../revocation-jobs/bulk-ends.ts'
import type { RevocationJobs } from '../revocation-jobs/revocation-jobs.ts'
import type { SessionSearch } from '../sessions/session-search.ts'
import { type ExplainedRevocation, pageRevocations, type RevocationPage } from '../tokens/live-revocations.ts'
import { currentSequence } from '../tokens/revocations.ts'
import { createTokenInspections, type TokenInspections } from '../tokens/token-inspection.ts'
import type { LogoutParts } from './logout.ts'
import type { Nouns } from './nouns.ts'
import type { RevocationParts } from './revocations.ts'
import type { OpenStores } from './stores.ts'

/** What administrators do with them. */
export interface GrantParts {
  readonly search: GrantSearch
  readonly detail: (grantId: string) => Promise<GrantDetail | undefined>
  readonly preview: PreviewGrants
  readonly ends: BulkEnds<GrantFilter, GrantPreview>
  readonly inspections: TokenInspections
  readonly revocation: TokenRevocation
  readonly revocations: (query: RevocationPage) => Promise<ExplainedRevocation[]>
  /** The number of the last revocation. */
  readonly sequence: () => Promise<number>
}

/** Builds it. */
export function createGrantParts(deps: {
  readonly config: Config
  readonly stores: OpenStores
  readonly nouns: Nouns
  readonly keys: KeyRing
  readonly revocations: RevocationParts
  readonly logout: LogoutParts
  readonly jobs: RevocationJobs
}): GrantParts {
  const { config, nouns, keys } = deps
  const { db, live } = deps.stores
  const lives = { refreshIdleSeconds: config.lifetimes.refreshIdle, accessTokenLifeSeconds: nouns.accessTokenLifeSeconds }
  const search = createGrantSearch({ db, ...lives })
  const preview = createGrantPreview({ db, ...lives })
  const inspections = createTokenInspections({
    db,
    issuer: config.issuer,
    keys: keys.current,
    keyStatus: (kid) => readKeyStatus(db, kid),
    tokenStatus: nouns.tokenStatus,
    accessTokens: nouns.accessTokens,
    once: nouns.once,
    findCode: createCodeLookup(live),
    isSecret: (text) => isClientSecret(db, text),
    replayWindowSeconds: config.refreshReplayWindow,
  })
  return {
    search,
    preview,
    ends: createBulkEnds<GrantFilter, GrantPreview>({
      noun: 'grants',
      jobs: deps.jobs,
      preview,
      now: () => performance.now(),
      liveIds: search.liveIds,
      revoke: nouns.events.grants.revokeMany,
    }),
    inspections,
    detail: createGrantDetails({
      db,
      search,
      notifications: deps.logout.notifications,
      acknowledgements: deps.revocations.acknowledgements,
    }),
    revocation: createTokenRevocation({
      db,
      endings: nouns.endings,
      inspect: inspections.token,
      grants: nouns.events.grants,
      preview,
    }),
    revocations: (query) => pageRevocations(db, query),
    sequence: () => currentSequence(db),
  }
}

/** Its routes of the admin API. */
export function grantApiRoutes(
  grants: GrantParts,
  deps: {
    readonly nouns: Nouns
    readonly revocations: RevocationParts
    readonly logout: LogoutParts
    readonly cursors: Cursors
    readonly sessionSearch: SessionSearch
    readonly accountIdOf: (name: string) => Promise<string | undefined>
    readonly ownerIdOf: (name: string) => Promise<string | undefined>
  },
): ApiRoute[] {
  const { cursors, accountIdOf, ownerIdOf } = deps
  const { events } = deps.nouns
  return [
    ...grantRoutes({ ...grants, cursors, accountIdOf, ownerIdOf, events: events.grants, session: deps.sessionSearch.find }),
    ...tokenRoutes({ ...grants, revokeByName: events.revokeByName, grants: events.grants }),
    ...revocationRoutes({ ...grants, cursors, page: grants.revocations, listeners: deps.revocations.acknowledgements.page }),
    ...logoutNotificationRoutes({ cursors, ownerIdOf, notifications: deps.logout.notifications }),
  ]
}

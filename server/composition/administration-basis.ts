// What the console and the admin API both stand on.
import type { Middleware } from 'koa'
import type { Cursors } from '../http/cursors.ts'
import type { LookOver } from '../overview/overview.ts'
import type { SecretItem, SecretQuery } from '../overview/secrets-by-age.ts'
import type { RefusedRequests } from '../refused-requests/refused-requests.ts'
import type { BulkEnds } from '../revocation-jobs/bulk-ends.ts'
import type { RevocationJobs } from '../revocation-jobs/revocation-jobs.ts'
import type { SessionReviews } from '../session-reviews/session-reviews.ts'
import type { SessionFilter } from '../sessions/session-filter.ts'
import type { SessionPreview } from '../sessions/session-preview.ts'
import type { SessionSearch } from '../sessions/session-search.ts'
import type { SessionTree } from '../sessions/session-tree.ts'
import type { AccountParts } from './administration-accounts.ts'
import type { GrantParts } from './administration-grants.ts'
import type { RegistrationParts } from './administration-registrations.ts'
import type { Nouns } from './nouns.ts'

/** The parts. */
export interface AdministrationBasis extends AccountParts {
  readonly sessionSearch: SessionSearch
  readonly sessionEnds: BulkEnds<SessionFilter, SessionPreview>
  readonly sessionTree: (sessionId: string) => Promise<SessionTree>
  readonly grants: GrantParts
  readonly jobs: RevocationJobs
  readonly cursors: Cursors
  /** Counts requests of administrators; `ctx.state.caller` says whose. */
  readonly limit: Middleware
  /** What is registered. */
  readonly registrations: RegistrationParts
  readonly refusedRequests: RefusedRequests
  readonly sessionReviews: SessionReviews
  readonly overview: LookOver
  secretsByAge(query: SecretQuery): Promise<SecretItem[]>
}

/** The id of the account that an id or an e-mail address names; undefined when there is none. */
export function accountIdOf({ accounts }: Pick<Nouns, 'accounts'>): (name: string) => Promise<string | undefined> {
  return async (name) => {
    if (!name.isWellFormed() || name.includes('\0')) return undefined
    return (name.includes('@') ? await accounts.findByEmail(name) : await accounts.findById(name))?.id
  }
}

/**
 * The id of the account that had something, by what names it; undefined when nobody has the e-mail address. An id is taken as it is:
 * accounts that are deleted have left sessions and grants.
 */
export function ownerIdOf({ accounts }: Pick<Nouns, 'accounts'>): (name: string) => Promise<string | undefined> {
  return async (name) => (name.includes('@') ? accountIdOf({ accounts })(name) : name)
}

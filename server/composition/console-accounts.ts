// Builds the console's pages about accounts, over the same functions as the admin API's routes.
import { previewAccount } from '../accounts/account-preview.ts'
import { accountAccessPages } from '../admin-console/account-access.ts'
import { accountImportPages } from '../admin-console/account-imports.ts'
import { accountStopPages } from '../admin-console/account-stops.ts'
import { accountPages } from '../admin-console/accounts.ts'
import type { ConsoleRoute } from '../admin-console/console.ts'
import { failedSignInPages } from '../admin-console/failed-sign-ins.ts'
import type { History } from '../admin-console/history.ts'
import { newAccountPages } from '../admin-console/new-accounts.ts'
import { createKeptFiles } from '../http/kept-files.ts'
import { type AdministrationBasis, accountIdOf } from './administration-basis.ts'
import type { Nouns } from './nouns.ts'
import type { OpenStores } from './stores.ts'

/** The pages of the console. Those with a name of their own come before those of an account. */
export function accountConsolePages(
  parts: AdministrationBasis,
  {
    stores,
    nouns,
    history,
  }: {
    readonly stores: Pick<OpenStores, 'db' | 'live'>
    readonly nouns: Pick<Nouns, 'events' | 'accounts'>
    readonly history: History
  },
): ConsoleRoute[] {
  const { cursors, accountSearch: search, accountAdministration: administration, mails } = parts
  return [
    ...newAccountPages({ administration, search, mails }),
    ...accountImportPages({ ...parts, keptFiles: createKeptFiles({ live: stores.live }) }),
    ...accountPages({ cursors, search, administration }),
    ...accountAccessPages({
      search,
      mails,
      history,
      sessions: parts.sessionSearch,
      grants: parts.grants.search,
      failedSignIns: parts.failedSignIns,
      locks: parts.accountLocks,
      links: parts.passwordLinks,
    }),
    ...accountStopPages({
      search,
      events: nouns.events.accounts,
      preview: (accountId) => previewAccount(stores.db, accountId),
    }),
    ...failedSignInPages({
      cursors,
      failedSignIns: parts.failedSignIns,
      blocks: parts.signInBlocks,
      throttles: parts.throttles,
      accountIdOf: accountIdOf(nouns),
    }),
  ]
}

// Builds what administrators do with accounts, and the links by which people set a password.
import type { Config } from '../../config/config.ts'
import { setPasswordMail } from '../../views/mail/set-password.ts'
import { type AccountAdministration, createAccountAdministration } from '../accounts/account-administration.ts'
import { createAccountImports, type ImportAccounts } from '../accounts/account-imports.ts'
import { type AccountLocks, createAccountLocks } from '../accounts/account-locks.ts'
import { previewAccount } from '../accounts/account-preview.ts'
import { type AccountSearch, createAccountSearch } from '../accounts/account-search.ts'
import { createCountedKeys } from '../accounts/counted-keys.ts'
import { createFailedSignIns, type FailedSignIns } from '../accounts/failed-sign-ins.ts'
import { createPasswordLinks, type PasswordLinks } from '../accounts/password-links.ts'
import { createSignInBlocks, type SignInBlocks } from '../accounts/sign-in-blocks.ts'
import { accountEndRoutes } from '../admin-api/account-ends.ts'
import { accountImportRoutes } from '../admin-api/account-imports.ts'
import { accountRoutes } from '../admin-api/accounts.ts'
import { failedSignInRoutes } from '../admin-api/failed-sign-ins.ts'
import type { ApiRoute } from '../admin-api/route.ts'
import { throttleRoutes } from '../admin-api/throttles.ts'
import { addressKey } from '../http/client-address.ts'
import type { Cursors } from '../http/cursors.ts'
import { SET_PASSWORD_PATH } from '../password-links/routes.ts'
import type { Throttles } from '../throttles/throttles.ts'
import type { MailParts } from './mail.ts'
import type { Nouns } from './nouns.ts'
import type { OpenStores } from './stores.ts'

/** What administrators do with accounts. */
export interface AccountParts {
  readonly accountSearch: AccountSearch
  readonly accountAdministration: AccountAdministration
  readonly accountLocks: AccountLocks
  readonly failedSignIns: FailedSignIns
  readonly importAccounts: ImportAccounts
  readonly passwordLinks: PasswordLinks
  readonly signInBlocks: SignInBlocks
  readonly throttles: Throttles
  /** Mail can be sent. */
  readonly mails: boolean
}

/** Builds it. */
export function createAccountParts(deps: {
  readonly config: Config
  readonly stores: Pick<OpenStores, 'db' | 'sealer'>
  readonly nouns: Pick<Nouns, 'accounts' | 'endings' | 'passwords'>
  readonly mail: Pick<MailParts, 'outbox'>
  readonly throttles: Throttles
}): AccountParts {
  const { config, nouns } = deps
  const { db, sealer } = deps.stores
  const { accounts, endings, passwords } = nouns
  const keysOf = createCountedKeys({ addressKey, secret: sealer.derive('sign-in failures') })
  const accountLocks = createAccountLocks({ db, keysOf })
  const passwordLinks = createPasswordLinks({
    db,
    endings,
    passwords,
    policy: config.passwordPolicy,
    lifeSeconds: config.lifetimes.passwordLink,
    urlOf: (token) => `${config.issuer}${SET_PASSWORD_PATH}?token=${token}`,
    mail: mailOf(deps),
    forgetFailures: async (tx, account) => void (await accountLocks.forgetWithin(tx, account)),
  })
  return {
    accountLocks,
    passwordLinks,
    mails: config.mail !== 'off',
    signInBlocks: createSignInBlocks({ db }),
    throttles: deps.throttles,
    accountSearch: createAccountSearch({ db, locks: accountLocks }),
    accountAdministration: createAccountAdministration({ db, endings, accounts, links: passwordLinks }),
    failedSignIns: createFailedSignIns({ db }),
    importAccounts: createAccountImports({ db, passwords }),
  }
}

function mailOf({ config, mail }: Parameters<typeof createAccountParts>[0]): Parameters<typeof createPasswordLinks>[0]['mail'] {
  if (config.mail === 'off') return undefined
  const { issuer } = config
  return (tx, account, link) =>
    mail.outbox.enqueue(tx, {
      kind: 'password_link',
      accountId: account.id,
      to: account.email,
      ...setPasswordMail({ ...link, issuer }),
    })
}

/** The routes of the admin API. */
export function accountApiRoutes(
  parts: AccountParts,
  deps: {
    readonly cursors: Cursors
    readonly stores: Pick<OpenStores, 'db'>
    readonly nouns: Pick<Nouns, 'events' | 'passwords'>
    /** The id of the account that an id or an e-mail address names. */
    readonly accountIdOf: (name: string) => Promise<string | undefined>
  },
): ApiRoute[] {
  const { cursors, nouns, accountIdOf } = deps
  const { accountSearch: search, accountAdministration: administration, accountLocks: locks, failedSignIns } = parts
  return [
    ...accountRoutes({ cursors, search, administration, isUsableHash: nouns.passwords.isUsableHash }),
    ...accountImportRoutes(parts),
    ...accountEndRoutes({
      locks,
      events: nouns.events.accounts,
      links: parts.passwordLinks,
      preview: (accountId) => previewAccount(deps.stores.db, accountId),
    }),
    ...failedSignInRoutes({ cursors, failedSignIns, blocks: parts.signInBlocks, accountIdOf }),
    ...throttleRoutes({ cursors, ...parts }),
  ]
}

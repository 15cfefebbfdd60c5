// What the console's pages about one account share: how it is found, the frame of its tabs, and what is said when the rules refuse.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import type { AccessRule } from '../../config/roles.ts'
import { ACCOUNT_TABS, type AccountTab, accountFrame, whyOutOfReach } from '../../views/admin-console/account.ts'
import { count, toldText } from '../../views/admin-console/tree.ts'
import type { Html } from '../../views/html.ts'
import type { AccountDetails, AccountSearch } from '../accounts/account-search.ts'
import { AccountOutOfReach, AccountRefused, AccountUnknown, isInReach } from '../accounts/account-standing.ts'
import { StaleAccount } from '../accounts/account-version.ts'
import { EmailTaken, InvalidAccount } from '../accounts/accounts.ts'
import { HttpProblem } from '../http/problems.ts'
import type { ConsoleVisit } from './console.ts'
import { outOfReach, sentence } from './refusals.ts'

/** Where the accounts are. */
export const ACCOUNTS_PATH = '/admin/accounts'

/** What one sees on each tab, by the rule of what it shows. */
export const TAB_ACCESS: { readonly [tab in AccountTab]: AccessRule } = {
  account: ACCESS.accounts.read,
  sessions: ACCESS.sessions.read,
  grants: ACCESS.grants.read,
  'sign-in': ACCESS.accounts.read,
  history: ACCESS.auditEvents.read,
}

/** The address of an account's page. */
export function accountHref(id: string, tab: AccountTab = 'account'): string {
  const page = `${ACCOUNTS_PATH}/${encodeURIComponent(id)}`
  return tab === 'account' ? page : `${page}/${tab}`
}

/** The account that the address names. @throws HttpProblem 404 */
export function accountOf(search: Pick<AccountSearch, 'find'>, ctx: Context): Promise<AccountDetails> {
  return findAccount(search, String(ctx.params.id))
}

/** The account of an id. @throws HttpProblem 404 */
export async function findAccount(search: Pick<AccountSearch, 'find'>, id: string): Promise<AccountDetails> {
  const account = isStorable(id) ? await search.find(id) : undefined
  if (account === undefined) throw noSuchAccount()
  return account
}

function noSuchAccount(cause?: Error): HttpProblem {
  return new HttpProblem(404, 'No such account', 'It may have been deleted.', { cause })
}

/** Shows a tab of an account; with what was not done, and why, when there is something. */
export function showTab(
  visit: ConsoleVisit,
  account: AccountDetails,
  {
    tab,
    body,
    fault,
    status = fault === undefined ? 200 : 409,
  }: { readonly tab: AccountTab; readonly body: Html; readonly fault?: string | undefined; readonly status?: number },
): void {
  const tabs = ACCOUNT_TABS.filter((name) => visit.may(TAB_ACCESS[name]))
  const framed = accountFrame({
    ...{ account, tab, tabs, body, outOfReach: missesDeeds(visit, account, tab) },
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: account.email, section: ACCOUNTS_PATH, body: framed }, status)
}

/** Whether the person may do to this account what a rule lets them do to accounts. */
export function mayDo(visit: ConsoleVisit, account: AccountDetails, rule: AccessRule): boolean {
  return visit.may(rule) && isInReach(account, visit.change())
}

/** Whether something that the person may do to other accounts is left out on a tab: whoever may do nothing there misses nothing. */
function missesDeeds(visit: ConsoleVisit, account: AccountDetails, tab: AccountTab): boolean {
  return TAB_DEEDS[tab].some((rule) => visit.may(rule)) && !isInReach(account, visit.change())
}

/** What is done to the account itself on each tab. Sessions and grants are ended whosever they are. */
const TAB_DEEDS: { readonly [tab in AccountTab]: readonly AccessRule[] } = {
  account: [ACCESS.accounts.describe, ACCESS.accounts.stop],
  sessions: [],
  grants: [],
  'sign-in': [ACCESS.accounts.help],
  history: [],
}

/** Before anything is asked of the person, or looked at of what they sent. @throws HttpProblem 403 when the account is out of reach */
export function insistOnReach(visit: ConsoleVisit, account: AccountDetails): void {
  if (!isInReach(account, visit.change())) throw outOfReach(whyOutOfReach(account.roles))
}

/**
 * The sentence for whoever asked for what the rules of accounts refuse.
 * @throws HttpProblem 404 or 403 when the account is gone or out of reach; and whatever is no fault of theirs
 */
export function faultOf(error: unknown): string {
  if (error instanceof AccountUnknown) throw noSuchAccount(error)
  if (error instanceof AccountOutOfReach) throw outOfReach(sentence(error.message), error)
  if (error instanceof StaleAccount)
    return 'The account has been changed since you opened this page. Nothing was saved: look at it again, and save anew.'
  if (error instanceof AccountRefused || error instanceof EmailTaken || error instanceof InvalidAccount)
    return sentence(error.message)
  throw error
}

/** What has ended, in words. */
export function endedWords(ended: { readonly sessions: number; readonly grants: number; readonly logout_notifications: number }) {
  return `Ended: ${count(ended.sessions, 'session')} with ${count(ended.grants, 'grant')}. ${toldText(ended.logout_notifications)}`
}

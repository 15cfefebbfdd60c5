// The console's pages about accounts, made with one text in the place of everything that people or apps may write.
import { ACCOUNT_TABS, accountDetail, accountFrame } from '../../views/admin-console/account.ts'
import { accountGrants, accountSessions, accountSignIn } from '../../views/admin-console/account-access.ts'
import { accountStop, newAccount, passwordLinkShown } from '../../views/admin-console/account-forms.ts'
import { accountImport } from '../../views/admin-console/account-imports.ts'
import { accountList } from '../../views/admin-console/accounts.ts'
import { blockList, failedSignInList } from '../../views/admin-console/failed-sign-ins.ts'
import { throttleList, throttlePart } from '../../views/admin-console/throttles.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

type Pages = readonly (readonly [name: string, body: Html])[]

/** The bodies by name. */
export function accountConsolePages(text: string): Pages {
  const row = {
    ...{ id: text, email: text, name: text, roles: ['owner', 'auditor'], status: 'active' as const },
    ...{ createdAt: WHEN, passwordSetAt: WHEN, lastSignedInAt: WHEN },
  }
  const bare = { id: `${text} 2`, email: text, roles: [], status: 'suspended' as const, createdAt: WHEN }
  const chips = [{ label: text, value: text, withoutHref: '/admin/accounts' }]
  const list = {
    ...{
      accounts: [row, bare],
      chips,
      asked: { search: text, role: 'owner' },
      roles: ['owner', 'auditor'],
      mayCreate: true,
      mayImport: true,
    },
    views: [{ label: text, href: '/admin/accounts', current: true }],
  }
  const frame = { account: row, tabs: ACCOUNT_TABS, outOfReach: true }
  return [
    ['accounts', accountList({ ...list, firstHref: '/', nextHref: '/' })],
    ['accounts, none', accountList({ ...list, accounts: [], fault: text, mayCreate: false, mayImport: false })],
    ...aboutPages(text, row, bare).map(([name, body]) => [name, accountFrame({ ...frame, tab: 'account', body })] as const),
    ...accessPages(text, row, bare).map(
      ([name, body]) => [name, accountFrame({ ...frame, tab: 'sign-in', body, fault: text })] as const,
    ),
    ...formPages(text),
    ...signInPages(text, chips),
  ]
}

interface Row {
  readonly id: string
  readonly email: string
  readonly name?: string
  readonly roles: readonly string[]
  readonly status: 'active' | 'suspended'
  readonly createdAt: Date
  readonly passwordSetAt?: Date
}

function aboutPages(text: string, row: Row, bare: Row): Pages {
  const facts = {
    sessions: 1,
    grants: 2,
    version: text,
    emailVerified: true,
    profile: { [text]: text, address: { locality: text } },
  }
  const may = { describe: true, decide: true, stop: true, delete: true, seeGrants: true }
  const profile = { given_name: text, 'address.locality': text, phone_number_verified: 'on' }
  const detail = { account: { ...row, ...facts, managedBy: text }, profile, csrf: text, roles: ['owner', 'auditor'], may }
  const entered = { name: text, email: text, emailVerified: false, roles: ['auditor'], reason: text, version: text, profile }
  const nothing = { describe: false, decide: false, stop: false, delete: false, seeGrants: false }
  return [
    ['account', accountDetail(detail)],
    ['account filled in', accountDetail({ ...detail, entered })],
    [
      'account for those who look',
      accountDetail({ ...detail, profile: {}, account: { ...bare, ...facts, profile: {} }, may: nothing }),
    ],
  ]
}

function accessPages(text: string, row: Row, bare: Row): Pages {
  const session = {
    ...{ id: text, account: { id: text, email: text, name: text }, device: text, address: text, methods: [text] },
    ...{ clients: [{ clientId: text, name: text }], startedAt: WHEN, lastUsedAt: WHEN, expiresAt: WHEN, state: 'live' as const },
  }
  const sessions = { sessions: [session], mayRevoke: true, mayOpenApps: true, here: text, allHref: '/admin/sessions' }
  const grant = {
    ...{ id: text, client: { id: text, name: text }, scopes: [text], resources: { [text]: [text] } },
    ...{ createdAt: WHEN, expiresAt: WHEN, state: 'live' },
  }
  const consent = { clientId: text, clientName: text, openid: [text], resources: { [text]: [text] }, givenAt: WHEN }
  const counts = [
    { what: 'sign_in', failures: 10, until: WHEN },
    { what: text, failures: 2 },
  ]
  const signIn = {
    ...{
      failuresHref: '/admin/failed-sign-ins',
      csrf: text,
      mayHelp: true,
      mayRevoke: true,
      mayForce: true,
      maySeeLink: true,
      mails: true,
      entered: { reason: text, endSessions: true, forceChange: true },
      reasonMissing: false,
      failures: [{ at: WHEN, reason: text, address: text }, { at: WHEN }],
    },
    account: { ...row, lockout: { counts }, passwordLink: { expiresAt: WHEN, mailed: true } },
  }
  const locked = { ...bare, lockout: { counts: [] } }
  return [
    ['account’s sessions', accountSessions({ ...sessions, revokeAllHref: '/admin/sessions/revocation' })],
    ['account’s sessions, none', accountSessions({ ...sessions, sessions: [] })],
    ['account’s grants', accountGrants({ grants: [grant], consents: [consent], allHref: '/admin/grants' })],
    ['account’s grants, none', accountGrants({ grants: [], consents: [], allHref: '/admin/grants' })],
    ['account’s sign-in', accountSignIn(signIn)],
    ['account’s sign-in, suspended', accountSignIn({ ...signIn, account: locked, failures: [] })],
    [
      'account’s first password',
      accountSignIn({
        ...signIn,
        account: { ...locked, status: 'active' },
        mails: false,
        entered: { reason: '', endSessions: false, forceChange: false },
        reasonMissing: true,
      }),
    ],
    ['account’s sign-in for helpdesk', accountSignIn({ ...signIn, mayRevoke: false, mayForce: false, maySeeLink: false })],
  ]
}

function formPages(text: string): Pages {
  const form = {
    form: text,
    ...{ email: text, name: text, chosen: ['owner'], roles: ['owner', 'auditor'], csrf: text },
    ...{ mails: true, maySeeLink: true },
  }
  const preview = {
    ...{ sessions: 30, grants: 2, refreshFamilies: 1, logoutNotifications: 1, clients: [{ id: text, name: text }] },
    devices: [{ sessionId: text, device: text, address: text }],
  }
  const stop = {
    id: text,
    email: text,
    stop: 'containment' as const,
    preview,
    action: '/admin/accounts/one/containment',
    csrf: text,
    reason: text,
  }
  const { preview: _, ...unseen } = stop
  const report = { dryRun: false, created: 1, exists: 1, refused: 1 }
  const lines = [
    { line: 2, email: text, outcome: 'created' as const, accountId: text },
    { line: 3, outcome: 'refused' as const, detail: text },
    { line: 4, email: text, outcome: 'exists' as const, accountId: text },
  ]
  return [
    ['new account', newAccount(form)],
    ['new account refused', newAccount({ ...form, fault: text, roles: [], mails: false })],
    ['new account, by nobody', newAccount({ ...form, roles: [], mails: false, maySeeLink: false })],
    ['link', passwordLinkShown({ id: text, email: text, url: `https://id.example/${text}`, expiresAt: WHEN })],
    ['containment', accountStop(stop)],
    ['suspension', accountStop({ ...stop, stop: 'suspension', fault: text })],
    ['deletion', accountStop({ ...stop, stop: 'deletion', preview: { ...preview, devices: [], clients: [] } })],
    ['import', accountImport({ people: '', reason: text, csrf: text, mostImported: 5000, mostMegabytes: 2 })],
    [
      'import refused',
      accountImport({ people: text, reason: text, csrf: text, mostImported: 5000, mostMegabytes: 2, fault: text }),
    ],
    [
      'import done',
      accountImport({
        people: text,
        reason: text,
        csrf: text,
        mostImported: 5000,
        mostMegabytes: 2,
        report: { ...report, lines, wholeHref: '/admin/x' },
      }),
    ],
    ['reinstatement', accountStop({ ...unseen, stop: 'reinstatement', reasonMissing: true })],
  ]
}

function signInPages(text: string, chips: Parameters<typeof failedSignInList>[0]['chips']): Pages {
  const account = { id: text, email: text, name: text }
  const failure = { id: '1', at: WHEN, reason: 'wrong_password', account, address: text, userAgent: text }
  const failures = [failure, { id: '2', at: WHEN, subject: text }, { id: '3', at: WHEN }]
  const bucket = { at: WHEN, count: 3, reasons: { wrong_password: 2, unknown_account: 1 } }
  const list = { failures, chips, asked: { ip: text }, reasons: ['wrong_password'] }
  const blocks = [
    { id: text, what: 'sign_in', account, failures: 10, until: WHEN },
    { id: `${text} 2`, failures: 11, until: WHEN },
  ]
  const throttles = [{ id: text, limit: text, place: text, until: WHEN }]
  return [
    [
      'failed sign-ins',
      failedSignInList({ ...list, counts: { hours: [bucket], days: [bucket] }, firstHref: '/', nextHref: '/' }),
    ],
    ['failed sign-ins, none', failedSignInList({ ...list, failures: [], fault: text })],
    ['blocks', blockList({ blocks, csrf: text, nextHref: '/', throttles: throttlePart({ throttles, csrf: text, more: true }) })],
    ['blocks for those who look', blockList({ blocks, throttles: throttlePart({ throttles, more: false }) })],
    ['blocks, none', blockList({ blocks: [], throttles: throttlePart({ throttles: [], more: false }) })],
    ['throttled addresses', throttleList({ throttles, csrf: text, nextHref: '/', firstHref: '/' })],
    ['throttled addresses, none', throttleList({ throttles: [] })],
  ]
}

// The pages of the console, made with one text in the place of everything that people, apps or operators may write.
import { consolePage } from '../../views/admin-console/console-page.ts'
import { jobDetail, sessionRevocation } from '../../views/admin-console/revocation.ts'
import { nothingFound } from '../../views/admin-console/search.ts'
import { sessionDetail, sessionList } from '../../views/admin-console/sessions.ts'
import { type Html, html } from '../../views/html.ts'
import { accountConsolePages } from './console-account-pages.ts'
import { auditPages } from './console-audit-pages.ts'
import { clientPages } from './console-client-pages.ts'
import { grantPages } from './console-grant-pages.ts'
import { keyPages } from './console-key-pages.ts'
import { overviewPages } from './console-overview-pages.ts'
import { refusedRequestPages } from './console-refused-pages.ts'
import { resourceServerPages } from './console-resource-server-pages.ts'
import { sessionReviewPages } from './console-session-review-pages.ts'
import { settingPages } from './console-setting-pages.ts'
import { systemPages } from './console-system-pages.ts'
import { webhookPages } from './console-webhook-pages.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/** The pages by name; each name begins with `console`. */
export function consolePages(text: string): readonly (readonly [name: string, page: Html])[] {
  const sections = [
    { href: '/admin/sessions', label: 'Sessions' },
    { href: '/admin/other', label: text },
  ]
  const frame = { email: text, sections, searchCsrf: text, notice: text }
  const made = (name: string, body: Html) =>
    [`console: ${name}`, consolePage(frame, { title: text, section: '/admin/sessions', body })] as const
  return [
    made('frame', html`<h1>${text}</h1>`),
    [
      'console: frame without notice',
      consolePage({ email: text, sections: [], searchCsrf: text }, { title: text, section: '', body: html`<h1>${text}</h1>` }),
    ],
    made('nothing found', nothingFound()),
    ...overviewPages(text).map(([name, body]) => made(name, body)),
    ...sessionPages(text).map(([name, body]) => made(name, body)),
    ...grantPages(text).map(([name, body]) => made(name, body)),
    ...clientPages(text).map(([name, body]) => made(name, body)),
    ...auditPages(text).map(([name, body]) => made(name, body)),
    ...resourceServerPages(text).map(([name, body]) => made(name, body)),
    ...settingPages(text).map(([name, body]) => made(name, body)),
    ...systemPages(text).map(([name, body]) => made(name, body)),
    ...webhookPages(text).map(([name, body]) => made(name, body)),
    ...sessionReviewPages(text).map(([name, body]) => made(name, body)),
    ...keyPages(text).map(([name, body]) => made(name, body)),
    ...refusedRequestPages(text).map(([name, body]) => made(name, body)),
    ...accountConsolePages(text).map(([name, body]) => made(name, body)),
  ]
}

function sessionPages(text: string): readonly (readonly [string, Html])[] {
  const session = {
    ...{
      id: text,
      account: { id: text, email: text, name: text },
      device: text,
      address: text,
      methods: [text],
      userAgent: text,
    },
    ...{ clients: [{ clientId: text, name: text }], startedAt: WHEN, lastUsedAt: WHEN, expiresAt: WHEN, state: 'live' as const },
  }
  const left = { ...session, account: { id: text } }
  const over = { ...session, id: `${text} 2`, state: 'ended' as const, endedAt: WHEN, endReason: text, clients: [] }
  const list = {
    ...{ sessions: [session, over], asked: { account: text, state: 'live' }, chips: [], mayRevoke: true, mayOpenApps: true },
    views: [{ label: text, href: '/admin/sessions', current: true }],
  }
  const chips = [
    { label: text, value: text, withoutHref: '/admin/sessions' },
    { label: `${text} 2`, value: text, withoutHref: '/admin/sessions' },
  ]
  const family = {
    ...{
      generation: 3,
      createdAt: WHEN,
      rotatedAt: WHEN,
      idleExpiresAt: WHEN,
      absoluteExpiresAt: WHEN,
      sessionBound: true,
      live: false,
    },
    ...{ endedAt: WHEN, endReason: 'refresh_token_reused' },
  }
  const grant = {
    ...{
      id: text,
      client: { id: text, name: text },
      scopes: [text],
      resources: { [text]: [text] },
      createdAt: WHEN,
      expiresAt: WHEN,
      live: true,
    },
    ...{ families: [family], accessTokensUntil: WHEN },
  }
  const told = {
    ...{
      id: text,
      clientId: text,
      state: 'failed',
      attempts: 2,
      lastStatus: 500,
      lastError: text,
      nextAttemptAt: WHEN,
      finishedAt: WHEN,
    },
  }
  const detail = {
    ...{ session, grants: [grant], notifications: [told], csrf: text, mayRevoke: true, mayOpenApps: true },
    refusals: {
      revocations: [{ sequence: 7, kind: 'sid', value: text, until: WHEN, createdAt: WHEN }],
      guards: [
        { clientId: text, instance: text, sequence: 7, acknowledgedAt: WHEN, applied: true, silent: false },
        { clientId: text, instance: text, sequence: 6, acknowledgedAt: WHEN, applied: false, silent: false },
        { clientId: text, instance: text, sequence: 5, acknowledgedAt: WHEN, applied: false, silent: true },
      ],
    },
  }
  const empty = {
    ...{ ...detail, grants: [], notifications: [], mayRevoke: false, mayOpenApps: false },
    refusals: { revocations: [], guards: [] as typeof detail.refusals.guards },
  }
  const { grants: _grants, refusals: _refusals, ...forHelpdesk } = detail
  const preview = {
    ...{ sessions: 3, more: true, counted: 2, accounts: 30, grants: 2, refreshFamilies: 1, logoutNotifications: 1 },
    people: [{ id: text, email: text, sessions: 2 }],
    clients: [{ id: text, name: text, sessions: 2 }],
  }
  const asked = { preview, csrf: text, reason: text, backHref: '/admin/sessions' }
  const ended = { sessions: 1, grants: 1, refresh_families: 1, logout_notifications: 1 }
  const job = { id: text, noun: 'sessions' as const, state: 'running', total: 10, left: 4, ended, reason: text, createdAt: WHEN }
  return [
    [
      'sessions',
      sessionList({ ...list, chips, here: text, revokeAllHref: '/admin/sessions/revocation', firstHref: '/', nextHref: '/' }),
    ],
    ['sessions for those who look', sessionList({ ...list, mayRevoke: false, mayOpenApps: false })],
    ['sessions of a deleted account', sessionList({ ...list, sessions: [left], asked: { not_kept_in: text } })],
    ['sessions, none', sessionList({ ...list, sessions: [], fault: text })],
    ['session', sessionDetail(detail)],
    ['session with nothing', sessionDetail(empty)],
    ['session that is over', sessionDetail({ ...empty, session: over, refusals: { ...detail.refusals, guards: [] } })],
    ['session of a deleted account', sessionDetail({ ...empty, session: left })],
    ['session for helpdesk', sessionDetail(forHelpdesk)],
    ['end of sessions', sessionRevocation({ ...asked, ids: [text, text] })],
    ['end of sessions from a report', sessionRevocation({ ...asked, ids: [text], back: text, backTo: 'report' })],
    ['end of sessions from an account', sessionRevocation({ ...asked, ids: [text], back: text, backTo: 'account' })],
    ['end of a filter', sessionRevocation({ ...asked, filter: text, reasonMissing: true })],
    ['end of what is not selected', sessionRevocation({ ...asked, ids: [], preview: { ...preview, sessions: 0, more: false } })],
    ['end of nothing', sessionRevocation({ ...asked, preview: { ...preview, sessions: 0 } })],
    ['job', jobDetail(job)],
    ['job that waits', jobDetail({ id: text, noun: 'grants', state: 'waiting', left: 0, ended, createdAt: WHEN })],
    ['job that is done', jobDetail({ ...job, state: 'done', left: 0, finishedAt: WHEN })],
  ]
}

// The console's pages of the audit log, made with one text in the place of everything that others write.
import { auditDetail, auditList } from '../../views/admin-console/audit-log.ts'
import { historyCard } from '../../views/admin-console/history.ts'
import { type Html, html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/** The pages by name. */
export function auditPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const revoked = {
    ...{ id: '1048', at: WHEN, name: 'session.revoked', outcome: 'succeeded' as const, actor: text, accountId: `${text} 2` },
    ...{ clientId: text, sessionId: text, grantId: text, address: text, userAgent: text, requestId: text, reason: text },
    ...{ detail: { said: text }, emails: { [text]: text, [`${text} 2`]: text } },
  }
  const refused = { id: '1049', at: WHEN, name: 'rate_limit.reached', outcome: 'failed' as const, detail: {}, emails: {} }
  const changed = {
    ...{ ...refused, id: '1050', name: 'client.updated', outcome: 'succeeded' as const },
    detail: { changes: { [text]: { from: null, to: text }, scope: { from: text, to: [text] } }, said: text },
  }
  const narrowed = () => '/admin/audit'
  const list = {
    ...{ events: [changed, refused, revoked], asked: { account: text }, narrowed, followHref: '/admin/audit/stream' },
    ...{ chips: [{ label: text, value: text, withoutHref: '/admin/audit' }], nextHref: '/' },
    views: [{ label: text, href: '/admin/audit', current: true }],
  }
  const facets = {
    ...{ counted: 5000, more: true },
    facets: [
      { field: 'name' as const, values: [{ value: text, count: 4711 }] },
      { field: 'account' as const, values: [{ value: text, count: 42, label: text }] },
      { field: 'reason' as const, values: [] },
    ],
  }
  return [
    ['audit log', auditList({ ...list, facetsHref: '/', exporting: { csrf: text, format: 'ecs' } })],
    ['audit log, counted', auditList({ ...list, facets, firstHref: '/' })],
    ['audit log, nothing found', auditList({ ...list, events: [], chips: [], asked: {}, fault: text })],
    ['what happened', html`<h1>${text}</h1>${historyCard({ events: [revoked, refused], allHref: '/admin/audit' })}`],
    ['what happened, nothing', html`<h1>${text}</h1>${historyCard({ events: [], allHref: '/admin/audit' })}`],
    ['audit event', auditDetail({ event: revoked, seal: text, narrowed })],
    ['audit event of a change', auditDetail({ event: changed, seal: undefined, narrowed })],
  ]
}

// The console's first page, made with one text in the place of everything that others write.
import { overviewDetail } from '../../views/admin-console/overview.ts'
import type { Html } from '../../views/html.ts'

const NOW = new Date('2026-05-03T10:00:00Z')
const DAY = 86_400_000

function days(ago: number): Date {
  return new Date(NOW.getTime() - ago * DAY)
}

/** The pages by name. */
export function overviewPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const hours = Array.from({ length: 24 }, (_, index) => ({
    at: new Date(NOW.getTime() - (23 - index) * 3_600_000),
    signedIn: Math.round(40 + 38 * Math.sin(index / 4)),
    failed: index === 17 ? 31 : index % 5,
    reused: index === 17 ? 2 : 0,
  }))
  const week = Array.from({ length: 7 }, (_, index) => ({
    at: days(6 - index),
    signedIn: 900 + 60 * index,
    failed: index === 5 ? 0 : 90 - 9 * index,
    reused: index === 6 ? 2 : 0,
  }))
  const duty = { question: `${text}?`, says: text, todo: text, href: '/admin/keys' }
  const duties = [
    { ...duty, name: 'one', state: 'overdue' as const, at: days(12) },
    { ...duty, name: 'two', state: 'overdue' as const },
    { ...duty, name: 'three', state: 'due' as const, at: days(-9) },
    { ...duty, name: 'four', state: 'due' as const },
    { ...duty, name: 'five', state: 'done' as const, at: days(-60) },
    { name: 'six', question: text, says: text, href: '/admin/keys', state: 'done' as const },
  ]
  const key = { kid: text, alg: text, status: 'signing', createdAt: days(100), signingSince: days(99) }
  const live = (count: number) => ({ live: { count, asOf: NOW } })
  const full = {
    ...{ now: NOW, duties, events: { hours, days: week, asOf: NOW } },
    ...{ sessions: live(12_345), grants: live(67_890), accounts: { locked: { count: 3, asOf: NOW } } },
    keys: [
      { ...key, kid: `${text} 1`, status: 'announced', signingSince: NOW },
      { ...key, due: { what: 'rotate', at: days(9) } },
      { ...key, kid: `${text} 2`, signingSince: days(20), due: { what: 'rotate', at: days(-70) } },
    ],
    secrets: { clients: 5001, more: true, underMonth: 4990, underTwoMonths: 1, underThreeMonths: 7, older: 3 },
  }
  const quiet = (buckets: typeof hours) => buckets.map((bucket) => ({ ...bucket, signedIn: 0, failed: 0, reused: 0 }))
  return [
    ['overview', overviewDetail(full)],
    [
      'overview of a new server',
      overviewDetail({
        ...{ ...full, duties: duties.slice(4), sessions: {}, grants: {}, accounts: {}, keys: [] },
        events: { hours: quiet(hours), days: quiet(week) },
        secrets: { clients: 0, more: false, underMonth: 0, underTwoMonths: 0, underThreeMonths: 0, older: 0 },
      }),
    ],
    [
      'overview for those who help people',
      overviewDetail({ now: NOW, duties: duties.slice(3), sessions: full.sessions, accounts: full.accounts }),
    ],
  ]
}

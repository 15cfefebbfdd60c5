// The console's page of the system, made with one text in the place of everything that others write.
import { systemDetail } from '../../views/admin-console/system.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/** The pages by name. */
export function systemPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const self = { host: text, pid: 7, version: text, startedAt: WHEN, sequence: 9, heardSecondsAgo: 0, isThis: true }
  const job = { id: text, noun: 'sessions', state: 'running', total: 400, left: 20, createdAt: WHEN }
  const view = {
    checks: [
      { what: text, outcome: 'wrong' as const, says: text, todo: text },
      { what: text, outcome: 'look' as const, says: text, todo: text, href: '/admin/keys' },
      { what: text, outcome: 'right' as const, says: text },
    ],
    ...{ version: text, node: text, platform: text, environment: text, newest: 9 },
    postgres: { version: text, milliseconds: 1.25, embedded: false },
    redis: { version: text, mode: text, milliseconds: 0.4 },
    migrations: { applied: ['0001_foundation', text], pending: [text] },
    processes: [self, { ...self, pid: 8, sequence: 7, heardSecondsAgo: 4, isThis: false }],
    listeners: { all: 200, upToDate: 1, more: true },
    jobs: [job, { ...job, id: `${text} 2`, noun: 'grants', state: 'done', left: 0, finishedAt: WHEN }],
    tasks: [
      { task: text, everySeconds: 1, doneAt: WHEN },
      { task: text, everySeconds: 5, failedAt: WHEN, fault: text },
      { task: text, everySeconds: 300 },
    ],
  }
  const small = {
    ...{ ...view, checks: view.checks.slice(2), postgres: { ...view.postgres, embedded: true }, redis: 'memory' as const },
    ...{ migrations: undefined, processes: [self], listeners: { all: 0, upToDate: 0, more: false }, jobs: [] },
  }
  return [
    ['system', systemDetail(view)],
    ['system that is small', systemDetail(small)],
    [
      'system without its stores',
      systemDetail({
        ...{ ...view, checks: view.checks.slice(1), postgres: undefined, redis: undefined },
        migrations: { applied: [], pending: [], refused: text },
      }),
    ],
  ]
}

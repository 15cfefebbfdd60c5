// The audit log in the words of the Elastic Common Schema 8.17: every event there is has fields of the types, and of the values, that the
// schema allows.
import { expect, test } from '@jest/globals'
import { ecsOf } from '../../server/audit/ecs.ts'
import { AUDIT_EVENT_NAMES, outcomeOf } from '../../server/audit/event-names.ts'

/** The types that each category may have (https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category). */
const ALLOWED: { readonly [category: string]: readonly string[] } = {
  api: ['access', 'admin', 'allowed', 'change', 'creation', 'deletion', 'denied', 'end', 'info', 'start', 'user'],
  authentication: ['start', 'end', 'info'],
  configuration: ['access', 'change', 'creation', 'deletion', 'info'],
  iam: ['admin', 'change', 'creation', 'deletion', 'group', 'info', 'user'],
  session: ['start', 'end', 'info'],
}

interface Ecs {
  readonly event: {
    readonly category: readonly string[]
    readonly type: readonly string[]
    readonly outcome: string
    readonly id: string
  }
  readonly user?: { readonly id?: string }
  readonly source?: { readonly address: string; readonly ip?: string }
  readonly related: { readonly user: readonly string[]; readonly ip: readonly string[] }
  readonly latchkey: { readonly actor?: string; readonly detail: string }
}

const AT = new Date('2026-02-03T10:00:00Z')
const told = (entry: Partial<Parameters<typeof ecsOf>[0]>) =>
  JSON.parse(
    JSON.stringify(ecsOf({ id: 7n, at: AT, name: 'session.revoked', outcome: 'succeeded', detail: {}, ...entry })),
  ) as Ecs

test.each([...AUDIT_EVENT_NAMES])('AU1: %s has a category, a type that goes with it, and an outcome', (name) => {
  const { event } = told({ name, outcome: outcomeOf(name) })
  expect([event.category.length, event.type.length]).toEqual([1, 1])
  const allowed = ALLOWED[event.category[0] ?? '']
  expect({ name, category: event.category, allowed: allowed?.includes(event.type[0] ?? '') }).toMatchObject({ allowed: true })
  expect(['success', 'failure', 'unknown']).toContain(event.outcome)
  expect(event.id).toBe('7')
})

test('a user is a person, an address is one, and what differs from event to event is text', () => {
  const byPerson = told({ actor: 'acc_one', accountId: 'acc_two', address: '192.0.2.1', detail: { kind: 'sid' } })
  expect(byPerson).toMatchObject({
    user: { id: 'acc_one', target: { id: 'acc_two' } },
    source: { address: '192.0.2.1', ip: '192.0.2.1' },
    related: { user: ['acc_one', 'acc_two'], ip: ['192.0.2.1'] },
    latchkey: { actor: 'acc_one', detail: '{"kind":"sid"}' },
  })
  const byApp = told({ actor: 'robot', address: 'unix' })
  expect(byApp).not.toHaveProperty('user')
  expect(byApp.source).toEqual({ address: 'unix' })
  expect(byApp.related).toEqual({ user: [], ip: [] })
  expect(told({ actor: 'system' }).latchkey.actor).toBe('system')
})

// Events that strangers can cause at will: seen at once, counted after that, and never so many that they fill the log.
import { expect, test } from '@jest/globals'
import type { AuditEvent } from '../../server/audit/audit.ts'
import { differences, maskedEmail } from '../../server/audit/differences.ts'
import { AUDIT_EVENT_NAMES, outcomeOf } from '../../server/audit/event-names.ts'
import { createOccasionalEvents } from '../../server/audit/occasional.ts'

function recorder() {
  let now = 1_800_000_000_000
  const written: AuditEvent[] = []
  const lost: unknown[] = []
  let fails = false
  const events = createOccasionalEvents({
    clock: () => now,
    async record(some) {
      if (fails) throw new Error('PostgreSQL is away')
      written.push(...some)
    },
    lost: (error) => void lost.push(error),
  })
  return {
    ...{ events, written, lost },
    advance: (seconds: number) => {
      now += seconds * 1000
    },
    fail(whether: boolean) {
      fails = whether
    },
  }
}

const NAME = 'client_authentication.failed' as const

test('the first is written at once, and of those that are like it how many there were', async () => {
  const { events, written, advance } = recorder()
  for (let times = 0; times < 500; times += 1) events.note({ name: NAME, clientId: 'a', reason: String(times) }, ['a'])
  events.note({ name: NAME, clientId: 'b' }, ['b'])
  expect(written).toEqual([
    { name: NAME, clientId: 'a', reason: '0' },
    { name: NAME, clientId: 'b' },
  ])
  await events.flush()
  expect(written).toHaveLength(2)
  advance(60)
  await events.flush()
  expect(written.slice(2)).toEqual([{ name: NAME, clientId: 'a', reason: '499', detail: { times: 499 } }])
  events.note({ name: NAME, clientId: 'a' }, ['a'])
  expect(written).toHaveLength(4)
})

test('the next one after a minute comes with what was counted before', async () => {
  const { events, written, advance } = recorder()
  for (let times = 0; times < 3; times += 1) events.note({ name: NAME, detail: { limit: 'x' } }, ['a'])
  advance(61)
  events.note({ name: NAME }, ['a'])
  expect(written.map(({ detail }) => detail)).toEqual([{ limit: 'x' }, { limit: 'x', times: 2 }, undefined])
})

test('of too many different ones only the number is told, and another name is counted apart', async () => {
  const { events, written, advance } = recorder()
  for (let one = 0; one < 300; one += 1) events.note({ name: NAME, address: String(one) }, [String(one)])
  events.note({ name: 'rate_limit.reached' }, ['x'])
  expect(written).toHaveLength(51)
  advance(60)
  await events.flush()
  expect(written.at(-1)).toEqual({ name: NAME, detail: { many: true, times: 250 } })
})

test('the end writes what waits; and what cannot be written is told, and disturbs nobody', async () => {
  const { events, written, lost, fail } = recorder()
  events.note({ name: NAME }, ['a'])
  events.note({ name: NAME }, ['a'])
  await events.close()
  expect(written).toHaveLength(2)
  fail(true)
  events.note({ name: NAME }, ['b'])
  await events.close()
  expect(lost).toHaveLength(1)
})

test('every name says how it went', () => {
  expect(AUDIT_EVENT_NAMES.filter((name) => outcomeOf(name) === 'failed')).toEqual([
    'access_token.refused',
    'admin_access.refused',
    'authorization_code.replayed',
    'client_authentication.failed',
    'consent.denied',
    'logout_notification.failed',
    'mail.given_up',
    'password.change_refused',
    'rate_limit.reached',
    'refresh_token.reused',
    'sign_in.failed',
    'signal.failed',
    'webhook_delivery.failed',
  ])
  expect([...AUDIT_EVENT_NAMES]).toEqual([...AUDIT_EVENT_NAMES].sort())
})

test('differences show what was and is, and nothing that is secret', () => {
  const before = {
    name: 'one',
    client_secret: 'abc',
    list: ['a'],
    same: 1,
    token_endpoint_auth_method: 'none',
    long: 'x'.repeat(3000),
  }
  const after = { name: 'two', client_secret: 'def', list: ['a', 'b'], same: 1, token_endpoint_auth_method: 'private_key_jwt' }
  const members = ['name', 'client_secret', 'list', 'token_endpoint_auth_method', 'long']
  expect(differences(members, before, after)).toEqual({
    name: { from: 'one', to: 'two' },
    client_secret: { from: '[redacted]', to: '[redacted]' },
    list: { from: ['a'], to: ['a', 'b'] },
    token_endpoint_auth_method: { from: 'none', to: 'private_key_jwt' },
    long: { from: expect.stringMatching(/^"x{999}…$/), to: null },
  })
  expect(maskedEmail('ada@people.example')).toBe('a…@people.example')
  expect(maskedEmail('@x')).toBe('…@x')
})

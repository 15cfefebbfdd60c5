// The checks of a server that runs: each says what is so, and when something is not right, what to do.
import { expect, test } from '@jest/globals'
import { type Check, checksOf, type ServerFacts } from '../../server/maintenance/checks.ts'

const NOW = Date.parse('2026-11-26T10:00:00Z')
const postgres = { version: '17.2', milliseconds: 0.8, now: new Date(NOW + 400) }
const redis = { version: '7.4.1', milliseconds: 0.2, mode: 'standalone', memoryPolicy: 'noeviction' }
const self = { host: 'one', pid: 7, sequence: 9, version: '1.0.0' }
const guard = { clientId: 'notes-api', sequence: 9, acknowledgedAt: new Date(NOW - 3000) }

/** A server of which all is right. */
const RIGHT: ServerFacts = {
  ...{ now: NOW, environment: 'production', limitsOn: true, postgres, redis, migrations: { pending: [] }, newest: 9 },
  ...{ processes: [self, { ...self, pid: 8 }], listeners: [guard], owners: 2, keysDue: 0, webhooksFailing: 0 },
  tasks: [{ task: 'mail' }],
}

function notRight(facts: Partial<ServerFacts>): Check[] {
  return checksOf({ ...RIGHT, ...facts }).filter(({ outcome }) => outcome !== 'right')
}

test('a server that is well has nothing to do', () => {
  expect(notRight({})).toEqual([])
  expect(checksOf(RIGHT).every(({ todo }) => todo === undefined)).toBe(true)
  expect(notRight({ redis: 'memory', listeners: [], processes: [self] })).toEqual([])
})

test.each<[outcome: string, what: string, says: string, facts: Partial<ServerFacts>]>([
  ['look', 'PostgreSQL', '120.0 ms', { postgres: { ...postgres, milliseconds: 120 } }],
  ['wrong', 'Clocks', '61.0 s apart', { postgres: { ...postgres, now: new Date(NOW - 61_000) } }],
  ['wrong', 'Redis', 'does not answer', { redis: undefined }],
  ['wrong', 'Redis', 'allkeys-lru', { redis: { ...redis, memoryPolicy: 'allkeys-lru' } }],
  ['look', 'Redis', '80.0 ms', { redis: { ...redis, milliseconds: 80 } }],
  ['look', 'Migrations', 'may not see', { migrations: undefined }],
  ['wrong', 'Migrations', '0042_more', { migrations: { pending: ['0042_more'] } }],
  ['wrong', 'Migrations', 'start the newer version', { migrations: { pending: [], refused: 'start the newer version' } }],
  ['look', 'Processes', '8 on one', { processes: [self, { ...self, pid: 8, sequence: 4 }] }],
  ['look', 'Processes', '1.0.0, 1.1.0', { processes: [self, { ...self, pid: 8, version: '1.1.0' }] }],
  ['look', 'APIs that listen', 'notes-api', { listeners: [{ ...guard, sequence: 4 }] }],
  [
    'look',
    'APIs that listen',
    'On the way: notes-api. 1 of 2 guards were not heard',
    {
      listeners: [
        { ...guard, sequence: 4 },
        { ...guard, clientId: 'gone-api', acknowledgedAt: new Date(NOW - 120_000) },
      ],
    },
  ],
  ['look', 'APIs that listen', '1 of 2', { listeners: [guard, { ...guard, acknowledgedAt: new Date(NOW - 120_000) }] }],
  ['wrong', 'Background work', 'mail', { tasks: [{ task: 'mail', failedAt: new Date(NOW) }, { task: 'webhooks' }] }],
  ['look', 'Signing keys', '2 should have been', { keysDue: 2 }],
  ['look', 'Webhooks', 'One does not', { webhooksFailing: 1 }],
  ['wrong', 'Owners', 'Nobody', { owners: 0 }],
  ['look', 'Owners', 'One.', { owners: 1 }],
  ['look', 'Settings', 'Rate limits are off', { limitsOn: false }],
  ['look', 'Settings', 'for development', { environment: 'development' }],
])('%s: %s (%s), with what to do', (outcome, what, says, facts) => {
  expect(notRight(facts)).toEqual([
    expect.objectContaining({ outcome, what, says: expect.stringContaining(says), todo: expect.stringMatching(/\w/) }),
  ])
})

test('without PostgreSQL there is no saying whether the clocks agree', () => {
  expect(notRight({ postgres: undefined }).map(({ what, outcome }) => [what, outcome])).toEqual([
    ['PostgreSQL', 'wrong'],
    ['Clocks', 'look'],
  ])
})

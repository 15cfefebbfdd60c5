// The set of revocations: what entries of one value come to together, what it weighs, and what asking it costs.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { createServerTime, moment } from '../../guard/clock.ts'
import { createKnowledge } from '../../guard/knowledge.ts'
import { createRevocationSet, type RevocableToken } from '../../guard/revocation-set.ts'

const NOW = 1_795_000_000

function token(claims: Partial<RevocableToken>): RevocableToken {
  return { kid: 'key-1', iat: NOW, jti: 'j', sid: 's', grant_id: 'g', sub: 'a', client_id: 'c', ...claims }
}

test('an entry names one claim, and no other claim with the same value', () => {
  const set = createRevocationSet()
  set.add({ sequence: 1, kind: 'sid', value: 'x', until: NOW + 10 })
  expect(set.find(token({ sid: 'x' }), NOW)).toBe('sid')
  for (const claim of ['jti', 'grant_id', 'sub', 'client_id', 'kid'])
    expect(set.find(token({ [claim]: 'x' }), NOW)).toBeUndefined()
  expect(set.find(token({ sid: undefined }), NOW)).toBeUndefined()
})

test('an entry counts to the second of `until`, and one with `before` for what was issued to the second', () => {
  const set = createRevocationSet()
  set.add({ sequence: 1, kind: 'sub', value: 'a', before: NOW, until: NOW + 10 })
  expect(set.find(token({ iat: NOW }), NOW + 10)).toBe('sub')
  expect(set.find(token({ iat: NOW }), NOW + 11)).toBeUndefined()
  expect(set.find(token({ iat: NOW + 1 }), NOW)).toBeUndefined()
})

test('a key is revoked for good: whoever has it chooses how long its tokens live', () => {
  const set = createRevocationSet()
  set.add({ sequence: 1, kind: 'kid', value: 'stolen', until: NOW + 10 })
  set.add({ sequence: 2, kind: 'kid', value: 'key-1', before: NOW, until: NOW + 10 })
  set.sweep(NOW + 86_400)
  expect(set.hasKey('stolen', NOW + 86_400)).toBe(true)
  expect(set.find(token({ kid: 'stolen', iat: NOW + 86_400 }), NOW + 86_400)).toBe('kid')
  expect(set.find(token({ kid: 'key-1' }), NOW + 86_400)).toBeUndefined()
})

test('of several entries of one value none is lost: each kind of bound has its own time', () => {
  const outright = { kind: 'client_id', value: 'c', until: NOW + 10 } as const
  const bounded = { kind: 'client_id', value: 'c', before: NOW - 5, until: NOW + 100 } as const
  for (const order of [
    [outright, bounded],
    [bounded, outright],
  ]) {
    const set = createRevocationSet()
    for (const entry of order) set.add({ sequence: 1, ...entry })
    // While the outright one counts, every token is dead; then only the old ones.
    expect(set.find(token({ iat: NOW }), NOW + 10)).toBe('client_id')
    expect(set.find(token({ iat: NOW }), NOW + 11)).toBeUndefined()
    expect(set.find(token({ iat: NOW - 5 }), NOW + 100)).toBe('client_id')
    expect(set.find(token({ iat: NOW - 4 }), NOW + 100)).toBeUndefined()
  }
  const set = createRevocationSet()
  set.add({ sequence: 1, kind: 'sub', value: 'a', before: NOW - 50, until: NOW + 100 })
  set.add({ sequence: 2, kind: 'sub', value: 'a', before: NOW - 5, until: NOW + 10 })
  set.add({ sequence: 3, kind: 'sub', value: 'a', before: NOW - 90, until: NOW + 20 })
  expect(set.find(token({ iat: NOW - 5 }), NOW)).toBe('sub')
  expect(set.find(token({ iat: NOW - 50 }), NOW + 100)).toBe('sub')
})

test('what is over is let go, a quarter of an hour late, and counts again for a clock that was set back', () => {
  const set = createRevocationSet()
  set.add({ sequence: 1, kind: 'jti', value: 'j', until: NOW })
  set.add({ sequence: 2, kind: 'sub', value: 'a', before: NOW, until: NOW })
  set.sweep(NOW + 60)
  expect(set.size).toBe(2)
  expect(set.find(token({}), NOW + 60)).toBeUndefined()
  expect(set.find(token({}), NOW)).toBe('jti')
  set.sweep(NOW + 901)
  expect(set.size).toBe(0)
})

test('100,000 entries weigh at most 200 bytes each, whatever their kind, and a look costs at most 5 % of a verification', () => {
  const program = fileURLToPath(new URL('programs/weigh.ts', import.meta.url))
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '--disable-warning=ExperimentalWarning', program], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  const weights = JSON.parse(stdout) as { bytesPerEntry: Record<string, number>; lookShare: number }
  for (const bytes of Object.values(weights.bytesPerEntry)) expect(bytes).toBeLessThanOrEqual(200)
  expect(weights.lookShare).toBeLessThanOrEqual(0.05)
})

test('what is over is forgotten by the time that the server tells, and not by a clock on the wall that jumps ahead', () => {
  let now = NOW * 1000
  let elapsed = 0
  const clock = { now: () => now, elapsed: () => elapsed }
  const time = createServerTime(clock, () => undefined)
  const knowledge = createKnowledge(clock, time, () => undefined)
  knowledge.add({ sequence: 1, kind: 'jti', value: 'dead', until: NOW + 900 })
  const dead = { kid: 'k', iat: NOW, jti: 'dead' }
  for (const told of [false, true]) {
    if (told) time.learn(NOW, moment(clock))
    now += 3_600_000
    knowledge.sweep()
    now -= 3_600_000
    time.learn(NOW, moment(clock))
    expect([knowledge.find(dead), knowledge.entries]).toEqual(['jti', 1])
  }
  // A machine that was asleep hears of it from the server.
  time.learn(NOW + 3600, moment(clock))
  knowledge.sweep()
  expect(knowledge.entries).toBe(0)
  // And where the server says nothing, time passes all the same.
  knowledge.add({ sequence: 2, kind: 'jti', value: 'dead', until: NOW + 4500 })
  elapsed += 3_600_000
  now += 3_600_000
  knowledge.sweep()
  expect(knowledge.entries).toBe(0)
})

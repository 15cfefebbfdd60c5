// The checker finds what it is there to find, and nothing in histories where all is well. Each history is made by hand.
import { describe, expect, test } from '@jest/globals'
import { check } from './checker.ts'
import type { Answer, Call, Entry, Fault, Operation, Sent } from './history.ts'

const RULES: Entry = {
  kind: 'rules',
  seed: 1,
  replayWindows: { app: 15_000 },
  answerWithin: 2000,
  knocks: 2,
  guardsKnowWithin: 5000,
}

const call = (operation: Operation, start: number, sent: Sent, answer: Answer | null, more: Partial<Call> = {}): Call => ({
  kind: 'call',
  who: 'client 1',
  at: 1,
  operation,
  start,
  end: start + 10,
  sent,
  answer,
  ...more,
})

const from = { app: 'app', account: 'ada', session: 's1' }
const REFUSED = { status: 400, error: 'invalid_grant' }

/** Code c1 gives r0 and a0; everything happens after it. */
const redeemed = call('redeem', 0, { code: 'c1', ...from }, { status: 200, refresh: 'r0', access: 'a0', grant: 'g1' })
const refreshed = (start: number, token: string, answer: Answer | null, more: Partial<Call> = {}) =>
  call('refresh', start, { token, app: 'app' }, answer, more)
const gives = (refresh: string, access = `access beside ${refresh}`): Answer => ({ status: 200, refresh, access })
const introspected = (start: number, token: string, active: boolean) =>
  call('introspect', start, { token }, { status: 200, active })
const revoked = (start: number, token: string, status = 200) => call('revoke', start, { token }, { status })

/** The numbers of the invariants that a history violates, in order. */
const violated = (...entries: Entry[]) => check([RULES, redeemed, ...entries]).map(({ invariant }) => invariant)

describe('invariant 1, what works once', () => {
  test('a code that gives tokens twice', () => {
    expect(
      violated(call('redeem', 100, { code: 'c1', ...from }, { status: 200, refresh: 'x0', access: 'y0', grant: 'g2' })),
    ).toEqual([1])
    expect(violated(call('redeem', 100, { code: 'c1', ...from }, REFUSED))).toEqual([])
  })

  test('a refresh token whose successor has been used', () => {
    const history = [refreshed(100, 'r0', gives('r1')), refreshed(200, 'r1', gives('r2'))]
    expect(violated(...history, refreshed(300, 'r0', gives('r1')))).toEqual([1])
    expect(violated(...history, refreshed(300, 'r0', REFUSED))).toEqual([])
  })

  test('a refresh token whose window is over', () => {
    expect(violated(refreshed(100, 'r0', gives('r1')), refreshed(16_000, 'r0', gives('r1')))).toEqual([1])
  })
})

describe('invariant 2, one chain', () => {
  test('two successors of one token', () => {
    const both = [refreshed(100, 'r0', gives('r1')), refreshed(101, 'r0', gives('other'), { at: 2 })]
    expect(violated(...both)).toEqual([2])
  })

  test('a replay gets the same successor', () => {
    expect(violated(refreshed(100, 'r0', gives('r1', 'a1')), refreshed(101, 'r0', gives('r1', 'a2')))).toEqual([])
  })
})

describe('invariant 3, what was handed out works', () => {
  test('the newest refresh token is refused', () => {
    expect(violated(refreshed(100, 'r0', gives('r1')), refreshed(200, 'r1', REFUSED))).toEqual([3])
  })

  test('an access token is inactive, or refused at userinfo', () => {
    expect(violated(introspected(100, 'a0', false))).toEqual([3])
    expect(violated(call('userinfo', 100, { token: 'a0' }, { status: 401 }))).toEqual([3])
  })

  test('where the clock is wrong it may seem to have expired; a refresh token may not', () => {
    const wrong: Fault = { kind: 'fault', name: 'its clock was wrong', at: [1], start: 50, end: 500, wrongClock: true }
    expect(violated(wrong, introspected(100, 'a0', false))).toEqual([])
    expect(violated(wrong, introspected(600, 'a0', false))).toEqual([3])
    expect(violated(wrong, { ...introspected(100, 'a0', false), at: 2 })).toEqual([3])
    expect(violated(wrong, refreshed(100, 'r0', REFUSED))).toEqual([3])
  })

  test('an answer that says "not now" refuses nothing', () => {
    expect(violated(refreshed(100, 'r0', { status: 503 }), call('introspect', 200, { token: 'a0' }, { status: 503 }))).toEqual([])
  })

  test('what may have been ended may be dead, also when the answer to its end was lost', () => {
    expect(
      violated(call('revoke', 50, { token: 'r0' }, null), introspected(100, 'a0', false), refreshed(200, 'r0', REFUSED)),
    ).toEqual([])
    expect(violated(call('redeem', 50, { code: 'c1', ...from }, REFUSED), introspected(100, 'a0', false))).toEqual([])
    expect(violated(call('sign-out', 50, from, null), introspected(100, 'a0', false))).toEqual([])
  })

  test('a code that Redis lost while it was being redeemed may have ended the grant; another refused code has not', () => {
    const second = call('redeem', 50, { code: 'c2', ...from }, REFUSED)
    const loss: Fault = { kind: 'fault', name: 'Redis was emptied', at: [1, 2], start: 52, end: 54, redisEmptied: true }
    expect(violated(second, loss, introspected(100, 'a0', false))).toEqual([])
    expect(violated(second, introspected(100, 'a0', false))).toEqual([3])
    expect(violated(second, { ...loss, start: 80, end: 90 }, introspected(100, 'a0', false))).toEqual([3])
  })

  test('the end of one access token ends no other', () => {
    expect(violated(refreshed(20, 'r0', gives('r1', 'a1')), revoked(50, 'a0'), introspected(100, 'a1', false))).toEqual([3])
  })
})

describe('invariant 4, a lost answer', () => {
  test('the same token is refused inside the window', () => {
    expect(violated(refreshed(100, 'r0', null), refreshed(200, 'r0', REFUSED))).toEqual([4])
    expect(violated(refreshed(100, 'r0', { status: 503 }), refreshed(200, 'r0', REFUSED))).toEqual([4])
  })

  test('it may be refused when the window is over, or the successor was used', () => {
    expect(violated(refreshed(100, 'r0', null), refreshed(16_000, 'r0', REFUSED))).toEqual([])
    const used = [refreshed(100, 'r0', null), refreshed(110, 'r0', gives('r1')), refreshed(150, 'r1', null)]
    expect(violated(...used, refreshed(200, 'r0', REFUSED))).toEqual([])
  })
})

describe('invariant 5, what was ended', () => {
  test.each([
    ['its refresh token', revoked(100, 'r0')],
    ['its refresh token, at the other server', call('revoke', 100, { token: 'r0' }, { status: 200 }, { at: 2 })],
    ['its session', call('sign-out', 100, from, { status: 200 })],
    ['all sessions of its account', call('sign-out', 100, { ...from, session: 's2', everywhere: true }, { status: 200 })],
  ])('by %s', (_by, end) => {
    expect(violated(end, introspected(200, 'a0', true))).toEqual([5])
    expect(violated(end, refreshed(200, 'r0', gives('r1')))).toEqual([5])
    expect(violated(end, call('userinfo', 200, { token: 'a0' }, { status: 200 }))).toEqual([5])
    expect(violated(end, introspected(200, 'a0', false), refreshed(210, 'r0', REFUSED))).toEqual([])
    // What began before the end was answered may have been first.
    expect(violated(end, introspected(105, 'a0', true))).toEqual([])
  })

  test('a guard may lag behind, but no longer than it may', () => {
    const verified = (start: number, status: number) => call('verify', start, { token: 'a0' }, { status }, { at: 0 })
    expect(violated(revoked(100, 'r0'), verified(5000, 200))).toEqual([])
    expect(violated(revoked(100, 'r0'), verified(5200, 200))).toEqual([5])
    expect(violated(revoked(100, 'r0'), verified(5200, 401), verified(5300, 503))).toEqual([])
    // Nor does it refuse what lives.
    expect(violated(verified(100, 401))).toEqual([3])
    expect(violated(verified(100, 200), verified(200, 503))).toEqual([])
  })

  test('by its access token', () => {
    expect(violated(revoked(100, 'a0'), introspected(200, 'a0', true))).toEqual([5])
    expect(violated(revoked(100, 'a0'), refreshed(200, 'r0', gives('r1')))).toEqual([])
  })

  test('by reuse: a spent token that came back was refused, and what hangs from it lives', () => {
    const reused = [
      refreshed(100, 'r0', gives('r1', 'a1')),
      refreshed(200, 'r1', gives('r2', 'a2')),
      refreshed(300, 'r0', REFUSED),
    ]
    expect(violated(...reused, introspected(400, 'a2', true))).toEqual([5])
    expect(violated(...reused, refreshed(400, 'r2', gives('r3')))).toEqual([5])
    expect(violated(...reused, refreshed(400, 'r2', REFUSED))).toEqual([])
  })

  test('a token that was handed out while its grant was ended', () => {
    const late = refreshed(95, 'r0', gives('r1', 'a1'), { end: 150 })
    expect(violated(revoked(100, 'r0'), late, introspected(200, 'a1', true))).toEqual([5])
    expect(violated(revoked(100, 'r0'), late, introspected(200, 'a1', false))).toEqual([])
  })

  test('a code of a session that was left', () => {
    const left = call('sign-out', 100, from, { status: 200 })
    const taken = call('redeem', 200, { code: 'c2', ...from }, { status: 200, refresh: 'x', access: 'y', grant: 'g2' })
    expect(violated(left, taken)).toEqual([5])
  })

  test('not when the end was not answered', () => {
    expect(violated(revoked(100, 'r0', 503), introspected(200, 'a0', true))).toEqual([])
  })
})

describe('invariant 6, an answer in time', () => {
  const slow = introspected(100, 'a0', true)
  const lasting = (milliseconds: number): Call => ({ ...slow, end: slow.start + milliseconds })

  test('too late', () => {
    expect(violated(lasting(2001))).toEqual([6])
    expect(violated(lasting(2000))).toEqual([])
  })

  test('the time in which that process was stopped does not count, and no other', () => {
    const absent = (at: number): Entry => ({ kind: 'absent', at, start: 500, end: 1500 })
    expect(violated(lasting(2900), absent(1))).toEqual([])
    expect(violated(lasting(2900), absent(2))).toEqual([6])
    expect(violated(lasting(3100), absent(1))).toEqual([6])
  })

  test('neither does the time for which it got no processor', () => {
    const starved = (at: number): Entry => ({ kind: 'starved', at, start: 500, end: 800, milliseconds: 200 })
    expect(violated(lasting(2200), starved(1))).toEqual([])
    expect(violated(lasting(2200), starved(0))).toEqual([])
    expect(violated(lasting(2200), starved(2))).toEqual([6])
    expect(violated(lasting(2201), starved(1))).toEqual([6])
    expect(violated(lasting(2201), starved(0), starved(1))).toEqual([6])
  })
})

describe('invariant 7, limits without Redis', () => {
  const away: Fault = { kind: 'fault', name: 'Redis was stopped', at: [1, 2], start: 0, end: 1000, withoutRedis: true }
  const knock = (start: number, status: number, at = 1) => call('knock', start, {}, { status }, { at })

  test('more knocks are let through than one process may', () => {
    expect(violated(away, knock(10, 400), knock(20, 400), knock(30, 503))).toEqual([7])
    expect(violated(away, knock(10, 400), knock(20, 400), knock(30, 429))).toEqual([])
  })

  test('each process counts by itself, and only while Redis is away', () => {
    expect(violated(away, knock(10, 400), knock(20, 400), knock(30, 400, 2))).toEqual([])
    expect(violated(away, knock(10, 400), knock(20, 400), knock(1100, 400))).toEqual([])
  })
})

test('the earliest violation comes first', () => {
  expect(violated(introspected(300, 'a0', false), call('redeem', 100, { code: 'c1', ...from }, { status: 200 }))).toEqual([1, 3])
})

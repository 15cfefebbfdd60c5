// A guard learns of revocations while they happen, and of every fault on the way: what it says, and that no revoked token is
// taken for longer than was promised.

import { expect, jest, test } from '@jest/globals'
import { acknowledgementDelayMs } from '../../guard/acknowledgements.ts'
import { FeedRefused, IssuerMismatch } from '../../guard/main.ts'
import { CLIENT } from './fake-issuer.ts'
import { outcomeOf, startTrial, until } from './trial.ts'

test('a revocation is felt within a second, and acknowledged', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  const token = await trial.issuer.accessToken({ grant_id: 'gra_7' })
  const other = await trial.issuer.accessToken({ grant_id: 'gra_8' })
  await until(() => guard.status().following === 'stream')
  expect(await outcomeOf(guard, token)).toBe('good')
  const sequence = trial.issuer.revoke({ kind: 'grant_id', value: 'gra_7' })
  await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked', 1000)
  expect(await outcomeOf(guard, other)).toBe('good')
  await until(() => trial.issuer.acknowledged.at(-1)?.sequence === sequence, 1000)
  expect(guard.status()).toMatchObject({ sequence, entries: 1, stale: false, following: 'stream', keyIds: ['key-1'] })
  expect(trial.lines).toEqual([])
})

test('what was revoked before the guard began is known from the snapshot, every kind of it', async () => {
  await using trial = await startTrial()
  const now = Math.floor(Date.now() / 1000)
  trial.issuer.revoke(
    { kind: 'jti', value: 'jti-1' },
    { kind: 'sid', value: 'ses_9' },
    { kind: 'sub', value: 'acc_eve', before: now },
    { kind: 'client_id', value: 'bad-app' },
    { kind: 'kid', value: 'key-2' },
  )
  const guard = await trial.guard()
  const outcome = async (claims: Record<string, unknown>) => outcomeOf(guard, await trial.issuer.accessToken(claims))
  expect(await outcome({ jti: 'jti-1' })).toBe('InvalidToken: revoked')
  expect(await outcome({ sid: 'ses_9' })).toBe('InvalidToken: revoked')
  expect(await outcome({ sub: 'acc_eve', iat: now })).toBe('InvalidToken: revoked')
  expect(await outcome({ sub: 'acc_eve', iat: now + 1 })).toBe('good')
  expect(await outcome({ client_id: 'bad-app' })).toBe('InvalidToken: revoked')
  await trial.issuer.rotateKey()
  expect(await outcome({})).toBe('InvalidToken: revoked')
})

test('acknowledgements are as rare as the server asks for, where many listen', async () => {
  await using trial = await startTrial()
  await using other = await startTrial()
  trial.issuer.behaviour.againAfterSeconds = 25
  const guards = [await trial.guard(), await other.guard()]
  const acknowledged = (of: typeof trial) => of.issuer.acknowledged.at(-1)?.sequence
  await until(() => guards.every((guard) => guard.status().following === 'stream'))
  await until(() => acknowledged(trial) === 1000 && acknowledged(other) === 1000)
  trial.issuer.revoke({ kind: 'jti', value: 'one' })
  await until(() => guards[0]?.status().sequence === 1001)
  // Whoever is not asked to wait says so later than that, and has said so.
  other.issuer.revoke({ kind: 'jti', value: 'one' })
  await until(() => acknowledged(other) === 1001)
  expect(acknowledged(trial)).toBe(1000)
  expect([acknowledgementDelayMs(5000, 25_000), acknowledgementDelayMs(60_000, 25_000, () => 0.4)]).toEqual([20_000, 10_000])
  expect([acknowledgementDelayMs(40, 100), acknowledgementDelayMs(60_000, 100, () => 0.4)]).toEqual([60, 0])
})

test('acknowledgements are few: one for a burst, and again when nothing happens', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  await until(() => guard.status().following === 'stream' && trial.issuer.acknowledged.length === 1)
  for (let count = 0; count < 50; count += 1) trial.issuer.revoke({ kind: 'jti', value: `jti-${count}` })
  await until(() => trial.issuer.acknowledged.at(-1)?.sequence === 1050)
  expect(trial.issuer.acknowledged.length).toBeLessThanOrEqual(10)
  const before = trial.issuer.acknowledged.length
  trial.advance(31)
  await until(() => trial.issuer.acknowledged.length > before)
  expect(new Set(trial.issuer.acknowledged.map(({ instance }) => instance)).size).toBe(1)
})

test('no feed at start: refused and said so, until it is there', async () => {
  await using trial = await startTrial()
  trial.issuer.behaviour.feed = 'failing'
  const guard = await trial.guard()
  const token = await trial.issuer.accessToken()
  await expect(guard.verify(token)).rejects.toMatchObject({
    name: 'FeedUnavailable',
    status: 503,
    headers: { 'Retry-After': '5' },
    message: expect.stringContaining('/revocations answered 503'),
    fix: expect.stringContaining('See the log of the authorization server'),
  })
  expect(guard.status()).toMatchObject({ stale: true, stalenessSeconds: null, following: 'nothing' })
  expect(trial.lines).toContainEqual({
    level: 'error',
    message: expect.stringMatching(/not known yet.*answered 503 \(whenStale: refuse\)/),
  })
  trial.issuer.behaviour.feed = 'here'
  await until(async () => (await outcomeOf(guard, token)) === 'good')
  await until(() => trial.lines.at(-1)?.message === 'revocations are up to date again.')
})

test('no feed at start, whenStale accept: accepted, counted and said so', async () => {
  await using trial = await startTrial()
  trial.issuer.behaviour.feed = 'failing'
  const guard = await trial.guard({ whenStale: 'accept' })
  expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('good')
  expect(guard.status()).toMatchObject({ stale: true, acceptedWhileStale: 1, fault: { name: 'FeedUnavailable' } })
  expect(trial.lines).toContainEqual({ level: 'error', message: expect.stringContaining('ACCEPTED') })
})

test('no feed at start, whenStale introspect: the server is asked about each token', async () => {
  await using trial = await startTrial()
  trial.issuer.behaviour.feed = 'failing'
  const guard = await trial.guard({ whenStale: 'introspect' })
  const token = await trial.issuer.accessToken()
  expect(await outcomeOf(guard, token)).toBe('good')
  trial.issuer.behaviour.active = false
  expect(await outcomeOf(guard, token)).toBe('InvalidToken: revoked')
  trial.issuer.behaviour.introspection = 'away'
  expect(await outcomeOf(guard, token)).toBe('IntrospectionUnavailable')
  expect(trial.issuer.requests.filter((request) => request === 'POST /introspect')).toHaveLength(3)
})

test.each(['away', 'hanging'] as const)('an issuer that is %s at start does not hold the guard up for ever', async (how) => {
  await using trial = await startTrial()
  const token = await trial.issuer.accessToken()
  trial.issuer.behaviour.issuer = how
  const began = performance.now()
  const guard = await trial.guard({ startTimeoutSeconds: 1 })
  expect(performance.now() - began).toBeLessThan(2500)
  trial.issuer.behaviour.issuer = 'here'
  await until(async () => (await outcomeOf(guard, token)) === 'good', 15_000)
})

test('a server that is back is listened to at once, however long the stream would have waited by then', async () => {
  const random = jest.spyOn(Math, 'random').mockReturnValue(0.999)
  try {
    await using trial = await startTrial()
    const guard = await trial.guard()
    await until(() => guard.status().following === 'stream')
    const lost = trial.issuer.requests.length
    trial.issuer.behaviour.feed = 'failing'
    trial.issuer.restart()
    // The fifth attempt in a row, which is due after nearly eight seconds; the next is due eight seconds later.
    const attempts = () => trial.issuer.requests.slice(lost).filter((request) => request === 'GET /revocations')
    await until(() => attempts().length >= 5, 20_000)
    trial.advance(8)
    trial.issuer.aheadSeconds = 8
    await until(() => guard.status().following !== 'stream' && guard.status().fault !== undefined)
    trial.issuer.behaviour.feed = 'here'
    await until(() => guard.status().following === 'stream', 2500)
  } finally {
    random.mockRestore()
  }
}, 60_000)

test('feed lost for a minute: fifteen seconds are bridged, then nobody is let in, and afterwards nothing was missed', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  const token = await trial.issuer.accessToken({ sid: 'ses_5' })
  await until(() => guard.status().following === 'stream')
  trial.issuer.behaviour.issuer = 'away'
  trial.issuer.restart()
  trial.issuer.revoke({ kind: 'sid', value: 'ses_5' })
  trial.advance(8)
  expect(await outcomeOf(guard, token)).toBe('good')
  trial.advance(8)
  expect(await outcomeOf(guard, token)).toBe('FeedUnavailable')
  trial.advance(50)
  expect(await outcomeOf(guard, token)).toBe('FeedUnavailable')
  trial.issuer.aheadSeconds = 66
  trial.issuer.behaviour.issuer = 'here'
  await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked', 15_000)
  expect(trial.issuer.requests.filter((request) => request === 'GET /revocations').length).toBeGreaterThanOrEqual(3)
  await until(() => trial.lines.some(({ message }) => message === 'revocations are up to date again.'))
})

test('server restarted: the stream is taken up where it ended', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  await until(() => guard.status().following === 'stream')
  trial.issuer.restart()
  trial.issuer.revoke({ kind: 'jti', value: 'while-away' })
  const token = await trial.issuer.accessToken({ jti: 'while-away' })
  await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked')
  await until(() => guard.status().following === 'stream')
  // Only from where it was: the snapshot was not taken again.
  expect(trial.issuer.requests.filter((request) => request === 'GET /revocations').length).toBe(3)
})

test('sequence gone backwards: the snapshot is taken again, what was revoked stays so, and it is said', async () => {
  await using trial = await startTrial()
  trial.issuer.revoke({ kind: 'jti', value: 'kept' })
  trial.issuer.revoke({ kind: 'jti', value: 'forgotten by the server' })
  const guard = await trial.guard()
  await until(() => guard.status().following === 'stream')
  trial.issuer.restore(1001)
  trial.issuer.restart()
  await until(() => guard.status().sequence === 1001)
  await until(() => guard.status().following === 'stream')
  expect(trial.lines).toContainEqual({ level: 'warn', message: expect.stringContaining('went back from 1002 to 1001') })
  for (const jti of ['kept', 'forgotten by the server']) {
    expect(await outcomeOf(guard, await trial.issuer.accessToken({ jti }))).toBe('InvalidToken: revoked')
  }
  trial.issuer.revoke({ kind: 'jti', value: 'new' })
  const token = await trial.issuer.accessToken({ jti: 'new' })
  await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked', 1000)
})

test('a sequence that goes backwards while the stream is open is noticed by the next heartbeat', async () => {
  await using trial = await startTrial()
  trial.issuer.behaviour.heartbeatMs = 50
  trial.issuer.revoke({ kind: 'jti', value: 'first' }, { kind: 'jti', value: 'second' })
  const guard = await trial.guard()
  await until(() => guard.status().following === 'stream')
  trial.issuer.restore(1001)
  await until(() => guard.status().sequence === 1001)
})

test('a reset makes it take the snapshot again', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  await until(() => guard.status().following === 'stream')
  const snapshots = () => trial.issuer.requests.filter((request) => request === 'GET /revocations').length
  const before = snapshots()
  trial.issuer.reset()
  await until(() => snapshots() >= before + 2 && guard.status().following === 'stream')
})

test('a stream that goes silent is opened anew', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  await until(() => guard.status().following === 'stream')
  trial.issuer.behaviour.stream = 'mute'
  trial.advance(13)
  trial.issuer.behaviour.stream = 'here'
  await until(() => guard.status().following === 'stream' && (guard.status().stalenessSeconds ?? 99) < 5)
  expect(guard.status().stale).toBe(false)
})

test.each(['buffered', 'missing'] as const)('a stream that is %s is replaced by asking, with ETag', async (stream) => {
  await using trial = await startTrial()
  trial.issuer.behaviour.stream = stream
  const guard = await trial.guard()
  const token = await trial.issuer.accessToken({ jti: 'polled' })
  trial.advance(6)
  trial.issuer.aheadSeconds += 6
  await until(() => trial.issuer.requests.includes('GET /revocations?after=1000'))
  trial.issuer.revoke({ kind: 'jti', value: 'polled' })
  trial.advance(6)
  trial.issuer.aheadSeconds += 6
  await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked')
  expect(guard.status()).toMatchObject({ following: 'polling', stale: false })
  if (stream === 'buffered')
    await until(() => trial.lines.some(({ message }) => message.includes('Switch off buffering')), 15_000)
})

test.each([60, -60])(
  'clock off by %d s: tokens are judged by the server, no revoked one is taken, and it is said',
  async (off) => {
    await using trial = await startTrial()
    trial.advance(off)
    const guard = await trial.guard()
    const now = Math.floor(Date.now() / 1000)
    expect(guard.status().clockAheadSeconds).toBe(off)
    expect(trial.lines).toContainEqual({ level: 'warn', message: expect.stringContaining('let NTP set this clock') })
    const outcome = async (claims: Record<string, unknown>) => outcomeOf(guard, await trial.issuer.accessToken(claims))
    expect(await outcome({ exp: now + 30 })).toBe('good')
    expect(await outcome({ exp: now - 30 })).toBe('InvalidToken: expired')
    expect(await outcome({ nbf: now + 30 })).toBe('InvalidToken: not yet')
    trial.issuer.revoke({ kind: 'jti', value: 'short', until: now + 40 })
    await until(() => guard.status().entries === 1)
    expect(await outcome({ jti: 'short', exp: now + 30 })).toBe('InvalidToken: revoked')
  },
)

test.each([86_400, -86_400])('the clock of the host that answers, off by %d s, decides nothing', async (off) => {
  await using trial = await startTrial()
  trial.issuer.hostAheadSeconds = off
  const guard = await trial.guard()
  const now = Math.floor(Date.now() / 1000)
  const outcome = async (claims: Record<string, unknown>) => outcomeOf(guard, await trial.issuer.accessToken(claims))
  expect(await outcome({ exp: now - 60 })).toBe('InvalidToken: expired')
  expect(await outcome({ exp: now + 60 })).toBe('good')
  trial.issuer.revoke({ kind: 'jti', value: 'short', until: now + 40 })
  await until(() => guard.status().entries === 1)
  expect(await outcome({ jti: 'short' })).toBe('InvalidToken: revoked')
  expect(guard.status().clockAheadSeconds).toBe(0)
})

test('a feed that does not tell its time is no feed: nobody is let in, and it is said what to do', async () => {
  await using trial = await startTrial()
  trial.issuer.behaviour.time = 'missing'
  const guard = await trial.guard()
  await expect(guard.verify(await trial.issuer.accessToken())).rejects.toMatchObject({
    name: 'FeedUnavailable',
    fix: expect.stringContaining('let proxies pass its header Latchkey-Time on'),
  })
  trial.issuer.behaviour.time = 'told'
  await until(async () => (await outcomeOf(guard, await trial.issuer.accessToken())) === 'good')
})

test('a clock that is set back brings no expired token back to life', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  const now = Math.floor(Date.now() / 1000)
  const token = await trial.issuer.accessToken({ exp: now - 100 })
  expect(await outcomeOf(guard, token)).toBe('InvalidToken: expired')
  trial.advance(-300)
  expect(await outcomeOf(guard, token)).toBe('InvalidToken: expired')
})

test('a clock that is set back makes nothing fresh', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard({ maxStalenessSeconds: 1 })
  const token = await trial.issuer.accessToken()
  trial.issuer.behaviour.issuer = 'away'
  trial.issuer.restart()
  trial.advance(-3600)
  await until(async () => (await outcomeOf(guard, token)) !== 'good', 3000)
})

test('below ten seconds of staleness the feed is asked between heartbeats', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard({ maxStalenessSeconds: 1 })
  await until(() => guard.status().following === 'stream')
  const token = await trial.issuer.accessToken()
  for (let times = 0; times < 15; times += 1) {
    expect(await outcomeOf(guard, token)).toBe('good')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  expect(trial.issuer.requests).toContain('GET /revocations?after=1000')
})

test('JWKS unreachable: 503, never a refusal of the token, and its own error', async () => {
  await using trial = await startTrial()
  trial.issuer.behaviour.jwks = 'away'
  const guard = await trial.guard()
  const token = await trial.issuer.accessToken()
  await expect(guard.verify(token)).rejects.toMatchObject({
    name: 'KeysUnavailable',
    status: 503,
    headers: { 'Retry-After': '5' },
  })
  expect(trial.lines).toContainEqual({ level: 'error', message: expect.stringContaining('jwks_uri can be reached') })
  trial.issuer.behaviour.jwks = 'here'
  trial.advance(2)
  expect(await outcomeOf(guard, token)).toBe('good')
  trial.issuer.behaviour.jwks = 'away'
  trial.advance(700)
  trial.issuer.aheadSeconds = 702
  // Known keys stay good.
  await until(async () => (await outcomeOf(guard, await trial.issuer.accessToken())) === 'good')
})

test('an unknown key is looked for once in ten seconds, however many tokens name one', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  const fetched = () => trial.issuer.requests.filter((request) => request === 'GET /jwks').length
  const before = fetched()
  trial.advance(11)
  await trial.issuer.rotateKey()
  const token = await trial.issuer.accessToken()
  expect(await outcomeOf(guard, token)).toBe('good')
  const made_up = await Promise.all([1, 2, 3, 4].map((kid) => trial.issuer.accessToken({}, { kid: `made-up-${kid}` })))
  for (const token of made_up) expect(await outcomeOf(guard, token)).toBe('KeyNotKnownYet')
  expect(fetched()).toBe(before + 1)
  trial.advance(11)
  await Promise.all(made_up.map((token) => outcomeOf(guard, token)))
  expect(fetched()).toBe(before + 2)
  expect(guard.status().keyIds).toEqual(['key-1', 'key-2'])
  trial.issuer.revoke({ kind: 'kid', value: 'key-2' })
  await until(() => guard.status().keyIds.length === 1)
  expect(await outcomeOf(guard, token)).toBe('InvalidToken: revoked')
})

test('wrong credentials: a typed error that says which option to correct, and nobody is let in', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard({ client: { id: CLIENT.id, secret: 'wrong' } })
  const refused = guard.verify(await trial.issuer.accessToken())
  await expect(refused).rejects.toBeInstanceOf(FeedRefused)
  await expect(refused).rejects.toMatchObject({
    status: 503,
    fix: expect.stringContaining('Correct the id and the secret of `client`'),
  })
  expect(guard.status().fault?.name).toBe('FeedRefused')
  expect(JSON.stringify(trial.lines)).not.toContain('wrong')
})

test('wrong audience credentials: a client that may not listen is told what to register', async () => {
  await using trial = await startTrial()
  trial.issuer.behaviour.feed = 'forbidden'
  const guard = await trial.guard()
  const refused = guard.verify(await trial.issuer.accessToken())
  await expect(refused).rejects.toBeInstanceOf(FeedRefused)
  expect(trial.lines).toContainEqual({ level: 'error', message: expect.stringContaining('the scope revocations:read') })
})

test('a client that is suspended meanwhile is cut off, and its guard lets nobody in', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard({ maxStalenessSeconds: 2 })
  await until(() => guard.status().following === 'stream')
  const token = await trial.issuer.accessToken()
  trial.issuer.behaviour.feed = 'forbidden'
  trial.issuer.restart()
  await until(async () => (await outcomeOf(guard, token)) === 'FeedRefused')
})

test('a feed token that is no longer taken is replaced', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  await until(() => guard.status().following === 'stream')
  trial.issuer.behaviour.feedTokenGeneration += 1
  trial.issuer.restart()
  await until(() => trial.issuer.requests.filter((request) => request === 'POST /token').length === 2)
  await until(() => guard.status().following === 'stream')
})

test('a key instead of a secret authenticates the guard', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard({ client: { id: CLIENT.id, key: trial.issuer.privateKey } })
  expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('good')
})

test.each([-400, -66, 66, 400])(
  'a key authenticates the guard although its clock is off by %i s: it goes by that of the host it asks',
  async (seconds) => {
    await using trial = await startTrial()
    trial.advance(seconds)
    const guard = await trial.guard({ client: { id: CLIENT.id, key: trial.issuer.privateKey }, whenStale: 'introspect' })
    expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('good')
    await until(() => guard.status().following === 'stream')
  },
)

test('a server that calls itself otherwise stops the start, byte for byte', async () => {
  await using trial = await startTrial()
  trial.issuer.behaviour.name = `${trial.issuer.url}/`
  const start = trial.guard()
  await expect(start).rejects.toBeInstanceOf(IssuerMismatch)
  await expect(start).rejects.toThrow(`calls itself ${trial.issuer.url}/.`)
})

test('an entry of a kind that is not known makes the guard stale, and is not passed over', async () => {
  await using trial = await startTrial()
  trial.issuer.revoke({ kind: 'device', value: 'x' })
  const guard = await trial.guard()
  const token = await trial.issuer.accessToken()
  await expect(guard.verify(token)).rejects.toMatchObject({
    name: 'FeedUnavailable',
    fix: 'Bring @latchkey/guard to the version of the server.',
  })
})

test('a closed guard refuses, and has let go of everything', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  await until(() => guard.status().following === 'stream')
  await guard.close()
  expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('GuardClosed')
  expect(guard.status().following).toBe('nothing')
  await until(() => trial.issuer.listeners === 0)
})

test('a guard that is closed tells the server, once the server knows of it, and waits for nobody who does not answer', async () => {
  await using trial = await startTrial()
  const [guard, other] = [await trial.guard(), await trial.guard()]
  await until(() => new Set(trial.issuer.acknowledged.map(({ instance }) => instance)).size === 2)
  const instances = trial.issuer.acknowledged.map(({ instance }) => instance)
  await guard.close()
  expect(trial.issuer.left).toHaveLength(1)
  expect(instances).toContain(trial.issuer.left[0])
  trial.issuer.behaviour.issuer = 'hanging'
  const began = performance.now()
  await other.close()
  expect(performance.now() - began).toBeLessThan(4000)
  expect(trial.issuer.left).toHaveLength(1)
  expect(trial.lines).toEqual([])
})

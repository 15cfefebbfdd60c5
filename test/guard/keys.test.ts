// The keys by which a guard verifies, in bad times: one that was stolen signs nothing for long, whatever was missed and whatever fails,
// and keys that cannot be had are told of.
import { describe, expect, test } from '@jest/globals'
import { SignJWT } from 'jose'
import { KeyNotKnownYet } from '../../guard/main.ts'
import { AUDIENCE } from './fake-issuer.ts'
import { outcomeOf, startTrial, type Trial, until } from './trial.ts'

describe('a stolen key', () => {
  /** A guard that has used the key; the key is withdrawn then, and somebody has it. */
  async function steal(trial: Trial) {
    const guard = await trial.guard()
    await until(() => guard.status().following === 'stream')
    const key = trial.issuer.privateKey
    expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('good')
    await trial.issuer.rotateKey()
    trial.issuer.withdrawKey()
    const forged = () => {
      const now = Math.floor(Date.now() / 1000) + trial.issuer.aheadSeconds
      const claims = {
        iss: trial.issuer.url,
        aud: AUDIENCE,
        sub: 'acc_boss',
        client_id: 'x',
        jti: 'x',
        iat: now,
        exp: now + 864_000,
      }
      return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' }).sign(key)
    }
    const pass = (seconds: number) => {
      trial.advance(seconds)
      trial.issuer.aheadSeconds += seconds
    }
    return { guard, forged, pass }
  }

  test.each([1200, 7200, 400 * 86_400])(
    'that was revoked signs nothing %d s later either, without JWKS',
    async (seconds) => {
      await using trial = await startTrial()
      const { guard, forged, pass } = await steal(trial)
      trial.issuer.revoke({ kind: 'kid', value: 'key-1', until: Math.floor(Date.now() / 1000) + 960 })
      trial.issuer.behaviour.jwks = 'away'
      await until(() => guard.status().entries === 1)
      pass(seconds)
      await until(() => guard.status().stale === false, 15_000)
      expect(await outcomeOf(guard, await forged())).toBe('InvalidToken: revoked')
    },
    20_000,
  )

  test('of which the revocation was missed: the first token after a long silence already meets the new keys', async () => {
    await using trial = await startTrial()
    const { guard, forged, pass } = await steal(trial)
    pass(1200)
    await until(() => guard.status().stale === false, 15_000)
    const outcomes = await Promise.all(Array.from({ length: 20 }, async () => outcomeOf(guard, await forged())))
    expect(new Set(outcomes)).toEqual(new Set(['InvalidToken: signature']))
    expect(guard.status().keyIds).toEqual(['key-2'])
  }, 20_000)

  test('of which the revocation was missed, and no JWKS: old keys are good for an hour, and then no token is', async () => {
    await using trial = await startTrial()
    const { guard, forged, pass } = await steal(trial)
    trial.issuer.behaviour.jwks = 'away'
    pass(3500)
    await until(() => guard.status().stale === false, 15_000)
    expect(await outcomeOf(guard, await forged())).toBe('good')
    pass(200)
    await until(() => guard.status().stale === false, 15_000)
    expect(await outcomeOf(guard, await forged())).toBe('KeysUnavailable')
    trial.issuer.behaviour.jwks = 'here'
    pass(11)
    await until(async () => (await outcomeOf(guard, await forged())) === 'InvalidToken: signature')
    expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('good')
  }, 20_000)
})

test('JWKS that hang hold a token up for a second, and the next ones not even that', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  trial.issuer.behaviour.jwks = 'hanging'
  trial.advance(700)
  trial.issuer.aheadSeconds = 700
  await until(() => guard.status().stale === false, 15_000)
  const took = async () => {
    const began = performance.now()
    expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('good')
    return performance.now() - began
  }
  expect(await took()).toBeLessThan(1500)
  expect(await took()).toBeLessThan(500)
}, 20_000)

test('a new key that cannot be had: 503, said in the log and in the status, until it can', async () => {
  await using trial = await startTrial()
  const guard = await trial.guard()
  trial.issuer.behaviour.jwks = 'away'
  await trial.issuer.rotateKey()
  trial.advance(11)
  trial.issuer.aheadSeconds = 11
  for (let count = 0; count < 3; count += 1) {
    expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('KeysUnavailable')
  }
  const lines = trial.lines.filter(({ message }) => message.includes('keys'))
  expect(lines).toEqual([
    { level: 'warn', message: expect.stringMatching(/Tokens of a new key are answered 503.* See that its jwks_uri/) },
  ])
  await until(() => guard.status().following === 'stream')
  expect(guard.status().fault).toMatchObject({ name: 'KeysUnavailable', fix: expect.stringContaining('jwks_uri') })
  trial.issuer.behaviour.jwks = 'here'
  trial.advance(11)
  trial.issuer.aheadSeconds = 22
  await until(async () => (await outcomeOf(guard, await trial.issuer.accessToken())) === 'good')
  expect(guard.status().fault).toBeUndefined()
})

describe('a key that is not known, within ten seconds of the last look', () => {
  const looks = ({ issuer }: Trial) => issuer.requests.filter((request) => request === 'GET /jwks').length
  const pass = (trial: Trial, seconds: number) => {
    trial.advance(seconds)
    trial.issuer.aheadSeconds += seconds
  }
  const madeUp = (trial: Trial) => trial.issuer.accessToken({}, { kid: crypto.randomUUID() })

  test('a good token is not called bad: 503, when to come again, and a line in the log; and then it is good', async () => {
    await using trial = await startTrial()
    const guard = await trial.guard()
    const before = looks(trial)
    await trial.issuer.rotateKey()
    const token = await trial.issuer.accessToken()
    const error = await guard.verify(token).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(KeyNotKnownYet)
    expect(error).toMatchObject({ name: 'KeyNotKnownYet', status: 503, code: 'temporarily_unavailable' })
    const { headers } = error as KeyNotKnownYet
    const retryAfter = Number(headers['Retry-After'])
    expect(headers).toEqual({ 'Retry-After': expect.stringMatching(/^[5-9]$/) })
    expect(await outcomeOf(guard, await madeUp(trial))).toBe('KeyNotKnownYet')
    expect(trial.lines.filter(({ message }) => message.includes('names a key'))).toEqual([
      { level: 'warn', message: expect.stringMatching(/It is answered 503\. .*announced before they sign/) },
    ])
    expect(looks(trial)).toBe(before)
    // Whoever keeps to that comes a moment early, and waits.
    pass(trial, retryAfter)
    expect(await outcomeOf(guard, token)).toBe('good')
    expect(looks(trial)).toBe(before + 1)
  })

  test('strangers who make names up wait a moment, not many of them, for one look; the good one among them is let in', async () => {
    await using trial = await startTrial()
    const stands = Date.now()
    let aheadMs = 0
    const guard = await trial.guard({ clock: () => stands + aheadMs })
    const before = looks(trial)
    await trial.issuer.rotateKey()
    const good = await trial.issuer.accessToken()
    const bad = await Promise.all(Array.from({ length: 300 }, () => madeUp(trial)))
    aheadMs = 9000
    const told: string[] = []
    const all = [good, ...bad].map(async (token) => {
      const outcome = await outcomeOf(guard, token)
      told.push(outcome)
      return outcome
    })
    // For so many there is no place; they are told at once, and the others wait.
    await until(() => told.length === 45)
    expect(new Set(told)).toEqual(new Set(['KeyNotKnownYet']))
    expect(looks(trial)).toBe(before)
    aheadMs = 10_000
    const [first, ...others] = await Promise.all(all)
    expect(first).toBe('good')
    expect(others.filter((outcome) => outcome === 'InvalidToken: signature')).toHaveLength(255)
    expect(looks(trial)).toBe(before + 1)
    expect(await outcomeOf(guard, bad[0] ?? '')).toBe('KeyNotKnownYet')
    // None of them holds a place any more.
    aheadMs = 21_000
    expect(await outcomeOf(guard, bad[0] ?? '')).toBe('InvalidToken: signature')
    expect(looks(trial)).toBe(before + 2)
  })

  test('a look that began before the token came does not have the last word', async () => {
    await using trial = await startTrial()
    let release: () => void = () => undefined
    let answered = false
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let holds = false
    const send: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      if (holds && String(input).endsWith('/jwks')) {
        answered = true
        await held
      }
      return response
    }
    const guard = await trial.guard({ fetch: send })
    pass(trial, 11)
    holds = true
    const early = outcomeOf(guard, await madeUp(trial))
    await until(() => answered)
    await trial.issuer.rotateKey()
    const late = outcomeOf(guard, await trial.issuer.accessToken())
    release()
    expect(await Promise.all([early, late])).toEqual(['InvalidToken: signature', 'KeyNotKnownYet'])
  })

  test.each([
    ['expired', { exp: 1_700_000_000 }],
    ['audience', { aud: 'https://other.example' }],
    ['issuer', { iss: 'https://other.example' }],
  ])('what its own words condemn is refused at once, without a look: %s', async (reason, change) => {
    await using trial = await startTrial()
    const guard = await trial.guard()
    const before = looks(trial)
    const token = await trial.issuer.accessToken(change, { kid: 'of-another-time' })
    expect(await outcomeOf(guard, token)).toBe(`InvalidToken: ${reason}`)
    pass(trial, 11)
    expect(await outcomeOf(guard, token)).toBe(`InvalidToken: ${reason}`)
    expect(looks(trial)).toBe(before)
  })

  test('one that was known and is withdrawn has its answer', async () => {
    await using trial = await startTrial()
    const guard = await trial.guard()
    const token = await trial.issuer.accessToken()
    await trial.issuer.rotateKey()
    trial.issuer.withdrawKey()
    pass(trial, 11)
    expect(await outcomeOf(guard, await madeUp(trial))).toBe('InvalidToken: signature')
    expect(await outcomeOf(guard, token)).toBe('InvalidToken: signature')
  })
})

// The keys by which a guard verifies, in bad times: one that was stolen signs nothing for long, whatever was missed and whatever fails,
// and keys that cannot be had are told of.
import { describe, expect, test } from '@jest/globals'
import { SignJWT } from 'jose'
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

// Which new passwords are refused, and why.
import { describe, expect, test } from '@jest/globals'
import { findPasswordFault } from '../../server/accounts/password-policy.ts'

const POLICY = { minLength: 12, maxLength: 256, history: 5 }
const ADA = { email: 'ada.byron@example.com', name: 'Ada Lovelace' }

function fault(password: string, policy = POLICY) {
  return findPasswordFault(password, policy, ADA)
}

describe('PW3: passwords that are guessed early are refused, with the reason', () => {
  test.each([
    'qwerty123456',
    '1qaz2wsx3edc',
    'Administrator',
    'QWERTYuiop123',
    'password1234',
    'Password123!',
    '!!!iloveyou2026',
    'passwordpassword',
    'dragonmonkey',
    'aaaaaaaaaaaa',
    'abcabcabcabcab',
    '123456789012',
  ])('%s is common', async (password) => {
    expect(await fault(password)).toBe('common')
  })

  test.each(['latchkey2026', 'Latchkey-Latchkey', 'lovelace-and-ada', 'ada.lovelace.1', 'ADABYRON12345', 'byron-password-1'])(
    '%s is made of what everybody knows',
    async (password) => {
      expect(await fault(password)).toBe('contains_name')
    },
  )

  test.each([
    'correct horse battery staple',
    'tangerine orbit 42',
    'lovelace tangerine orbit',
    'zrkqwpvnxmtb',
    'ввод пароля из слов',
    '  tangerine  orbit  ',
  ])('%s is taken: no kinds of characters are asked for', async (password) => {
    expect(await fault(password)).toBeUndefined()
  })
})

describe('LG12: length is counted in characters', () => {
  test('too short and too long', async () => {
    expect(await fault('tangerine o')).toBe('too_short')
    expect(await fault('tangerine or')).toBeUndefined()
    expect(await fault('0123456789 '.repeat(24).slice(0, 256))).toBeUndefined()
    expect(await fault('0123456789 '.repeat(24).slice(0, 257))).toBe('too_long')
  })

  test('a character of several code units, or of a letter and its accent, is one', async () => {
    expect(await fault('🦊🐻🐼🐨🐯🦁')).toBe('too_short')
    expect(await fault('🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧')).toBeUndefined()
    expect(await fault('e\u0301e\u0300'.repeat(3))).toBe('too_short')
  })

  test('the policy sets the bounds', async () => {
    expect(await fault('kettlewind', { ...POLICY, minLength: 8 })).toBeUndefined()
    expect(await fault('password', { ...POLICY, minLength: 8 })).toBe('common')
  })
})

test('no list of words makes checking slow', async () => {
  const started = process.cpuUsage()
  for (let round = 0; round < 200; round += 1) await fault(`${'ab'.repeat(127)}${round}`)
  expect(process.cpuUsage(started).user).toBeLessThan(2_000_000)
})

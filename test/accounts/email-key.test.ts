// The canonical form of an e-mail address.
import { describe, expect, test } from '@jest/globals'
import { emailKey, isEmailAddress } from '../../server/accounts/email-key.ts'

describe('LG6: every spelling of an address has one key', () => {
  test.each([
    'john@example.com',
    'John@Example.COM',
    '  john@example.com\t',
    'john@example.com.',
    'ｊｏｈｎ@example.com',
    'john＠example.com',
    'jo\u200bhn@example.com',
    'jo\u0000hn@example.com',
    '\ufeffjohn@example.com',
    'john@example\u3002com'.replace('\u3002', '．'),
  ])('%j', (spelling) => {
    expect(emailKey(spelling)).toBe('john@example.com')
  })

  test('of letters with accents as well', () => {
    expect(emailKey('JOSE\u0301@example.com')).toBe(emailKey('jos\u00e9@example.com'))
    expect(emailKey(emailKey('İ@example.com'))).toBe(emailKey('İ@example.com'))
  })

  test('other addresses have other keys', () => {
    const keys = ['john@example.com', 'john+tag@example.com', 'john@example.org', 'jon@example.com', 'john@example.com@'].map(
      emailKey,
    )
    expect(new Set(keys).size).toBe(5)
  })

  test('any text has a key', () => {
    for (const text of ['', '@', 'no address', '\ud800', 'a'.repeat(60_000)]) expect(typeof emailKey(text)).toBe('string')
  })
})

test.each(['ada@example.com', 'ada+tag@example.com', 'ada@localhost', "o'neill@sub.example.co.uk", 'jösé@müller.example'])(
  '%s is an address',
  (address) => {
    expect(isEmailAddress(address)).toBe(true)
  },
)

test.each([
  '',
  'ada',
  '@example.com',
  'ada@',
  'ada@@example.com',
  'ada＠evil.example@example.com',
  'ada lovelace@example.com',
  'ada@exa mple.com',
  'ada@example..com',
  'ada@.example.com',
  'a\u200bda@example.com',
  'ada@example.com,eve@example.com',
  '"ada"@example.com',
  '<ada@example.com>',
  'ada@example.com\r\nBcc: eve@example.com',
  `${'a'.repeat(65)}@example.com`,
  `ada@${'a'.repeat(260)}.com`,
])('%j is no address', (text) => {
  expect(isEmailAddress(text)).toBe(false)
})

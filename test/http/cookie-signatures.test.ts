// What signs cookies: any of the keys is believed, the first one signs, and nothing else passes.
import { describe, expect, test } from '@jest/globals'
import { createCookieSignatures } from '../../server/http/cookie-signatures.ts'

const OLD = 'an-old-cookie-key-that-is-only-for-tests'
const NEW = 'a-new-cookie-key-that-is-only-for-tests!'

describe('cookie signatures', () => {
  test('a signature is good for its data and its key only', () => {
    const signatures = createCookieSignatures([NEW])
    const signature = signatures.sign('session=one')
    expect(signatures.verify('session=one', signature)).toBe(true)
    expect(signatures.verify('session=two', signature)).toBe(false)
    expect(signatures.verify('session=one', `${signature.slice(0, -1)}${signature.endsWith('A') ? 'E' : 'A'}`)).toBe(false)
    expect(signatures.verify('session=one', '')).toBe(false)
    expect(createCookieSignatures([OLD]).verify('session=one', signature)).toBe(false)
  })

  test('KR3: a key that is put in front signs, and the one behind it is still believed until it is taken away', () => {
    const before = createCookieSignatures([OLD])
    const both = createCookieSignatures([NEW, OLD])
    const signature = before.sign('session=one')
    expect(both.index('session=one', signature)).toBe(1)
    expect(both.index('session=one', both.sign('session=one'))).toBe(0)
    expect(both.sign('session=one')).toBe(createCookieSignatures([NEW]).sign('session=one'))
    expect(createCookieSignatures([NEW]).index('session=one', signature)).toBe(-1)
  })

  test('there is no signing without a key', () => {
    expect(() => createCookieSignatures([])).toThrow('a key')
  })
})

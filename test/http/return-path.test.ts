// Where people may be sent after signing in.
import { describe, expect, test } from '@jest/globals'
import { safeReturnPath } from '../../server/http/return-path.ts'

describe('RU13: only a path of ours', () => {
  test.each(['/account', '/account/password', '/account?notice=renamed', '/', '/account/sessions/ses_a-b_c'])('%s', (path) => {
    expect(safeReturnPath(path)).toBe(path)
  })

  test.each([
    '',
    'account',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '/a/..//evil.example',
    '/./\\evil.example',
    'https://evil.example',
    'https:evil.example',
    'HTTPS:/evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    '/account\r\nSet-Cookie: a=b',
    '/account\u0000',
    ' /account',
    `/${'a'.repeat(3000)}`,
  ])('not %j', (path) => {
    expect(safeReturnPath(path)).toBeUndefined()
  })
})

// WB1: what every answer tells browsers.
import { describe, expect, test } from '@jest/globals'
import { FORM_POST_POLICY } from '../../server/http/security-headers.ts'
import { Browser } from '../support/browser.ts'
import { startSmallApp } from './small-app.ts'

async function headersOf(path: string, secure = false) {
  const app = await startSmallApp(
    () => [
      async (ctx, next) => {
        if (ctx.path !== '/') return next()
        ctx.body = 'a page'
      },
    ],
    { secure },
  )
  const { headers } = await new Browser().fetch(`${app.url}${path}`)
  await app.stop()
  return headers
}

function directivesOf(policy: unknown): Map<string, string> {
  return new Map(
    String(policy)
      .split(';')
      .map((directive) => {
        const [name = '', ...values] = directive.trim().split(' ')
        return [name, values.join(' ')]
      }),
  )
}

describe.each(['/', '/nothing'])('WB1: the answer at %s', (path) => {
  test('has a policy that allows a style sheet and nothing else', async () => {
    expect(Object.fromEntries(directivesOf((await headersOf(path))['content-security-policy']))).toEqual({
      'default-src': "'none'",
      'style-src': "'self'",
      'img-src': "'self' data:",
      'form-action': "'self'",
      'frame-ancestors': "'none'",
      'base-uri': "'none'",
      'require-trusted-types-for': "'script'",
      'trusted-types': "'none'",
    })
  })

  test('is not framed, not sniffed, and not told where the browser came from', async () => {
    expect(await headersOf(path)).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
  })

  test('says nothing of the program', async () => {
    const headers = await headersOf(path)
    expect([headers['x-powered-by'], headers.server]).toEqual([undefined, undefined])
  })
})

test('WB1: https is for ever once it was there, and plain http promises nothing', async () => {
  expect((await headersOf('/', true))['strict-transport-security']).toBe('max-age=31536000')
  expect((await headersOf('/'))['strict-transport-security']).toBeUndefined()
})

test('the page that posts elsewhere may post anywhere, and nothing more than the others', () => {
  const directives = directivesOf(FORM_POST_POLICY)
  expect(directives.has('form-action')).toBe(false)
  expect(directives.get('default-src')).toBe("'none'")
  expect(directives.get('frame-ancestors')).toBe("'none'")
  expect(FORM_POST_POLICY).not.toContain('unsafe')
})

// The reference of the admin API: pages that the server shows, and one among the documents, both made of the schemas of the routes.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openApiOf } from '../../server/admin-api/openapi.ts'
import { referenceOf } from '../../server/admin-api/reference-outline.ts'
import { ADMIN_API_PATH } from '../../server/admin-api/routes.ts'
import type { Reference } from '../../views/admin-api/reference.ts'
import { apiReferencePage } from '../docs/api-reference-page.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { tagsOf } from '../views/page-markup.ts'

let server: TestServer
let reference: Reference

beforeAll(async () => {
  server = await startServer()
  const document = openApiOf(() => server.latchkey.administration.apiRoutes, { issuer: server.issuer, version: '' })
  reference = referenceOf(document(), ADMIN_API_PATH)
})

afterAll(() => server?.stop())

async function open(path: string) {
  const response = await fetch(`${server.issuer}${path}`)
  return { status: response.status, headers: response.headers, body: await response.text() }
}

test('docs/reference/admin-api-routes.md is what `npm run docs` writes', () => {
  expect(readFileSync(new URL('../../docs/reference/admin-api-routes.md', import.meta.url), 'utf8')).toBe(
    apiReferencePage(reference),
  )
})

test('the page names every route, and leads to all that it takes and answers', async () => {
  const first = await open('/admin/api/v1/reference')
  expect(first.status).toBe(200)
  const links = new Set(tagsOf(first.body).map(({ attributes }) => attributes.get('href') ?? ''))
  for (const { name, path } of server.latchkey.administration.apiRoutes) {
    const href = [...links].find((link) => link.endsWith(`#${name}`))
    expect({ path, isLinked: href !== undefined }).toEqual({ path, isLinked: true })
  }
  for (const href of new Set([...links].filter((link) => link.includes('/reference/')).map((link) => link.split('#')[0] ?? ''))) {
    const { status, body } = await open(href)
    expect({ href, status }).toEqual({ href, status: 200 })
    const tags = tagsOf(body)
    const ids = new Set(tags.map(({ attributes }) => attributes.get('id')))
    const inside = [...tags.map(({ attributes }) => attributes.get('href') ?? ''), ...links]
      .filter((link) => link.startsWith('#') || link.startsWith(`${href}#`))
      .map((link) => link.split('#')[1])
    expect({ href, dead: inside.filter((id) => !ids.has(id)) }).toEqual({ href, dead: [] })
    // One page for all nouns would be half a megabyte.
    expect(body.length).toBeLessThan(100_000)
  }
})

test('what is filtered, sent and answered stands there with its limits, and each kind of problem', async () => {
  const { body } = await open('/admin/api/v1/reference/sessions')
  for (const text of [
    '<code>POST /sessions/revocations</code>',
    '<code>filter.account</code>',
    'An account, by its id or e-mail address.',
    'list of string, at most 300 characters, at most 1000',
    '<code>sessions:revoke</code>',
    'People need one of the roles owner, operator.',
    'href="#schema-SessionPreview"',
  ])
    expect(body).toContain(text)
  const { body: first } = await open('/admin/api/v1/reference')
  for (const { type } of reference.problems) expect(first).toContain(`urn:latchkey:problem:${type}`)
})

test('WB1: the pages have the policy of all pages and no script; there is none of what is no noun', async () => {
  for (const path of ['/admin/api/v1/reference', '/admin/api/v1/reference/accounts']) {
    const { headers, body } = await open(path)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none';style-src 'self';img-src 'self' data:;form-action 'self'/,
    )
    expect(headers.get('content-security-policy')).not.toMatch(/unsafe|script-src/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(body).not.toContain('<script')
  }
  const none = await open('/admin/api/v1/reference/nothing')
  expect([none.status, JSON.parse(none.body).type]).toEqual([404, 'urn:latchkey:problem:not-found'])
})

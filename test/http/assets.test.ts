// The files beside the pages: kept by browsers for ever, since their addresses change with them.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createAssets } from '../../server/http/assets.ts'
import { assets, iconHref, stylesheetHref } from '../../views/assets.ts'
import { Browser } from '../support/browser.ts'
import { type SmallApp, startSmallApp } from './small-app.ts'

let app: SmallApp

beforeAll(async () => {
  app = await startSmallApp(() => [createAssets(assets)])
})

afterAll(() => app.stop())

test.each([
  [stylesheetHref, 'text/css; charset=utf-8'],
  [iconHref, 'image/svg+xml'],
])('%s is served as %s, and kept', async (path, type) => {
  const file = await new Browser().fetch(`${app.url}${path}`)
  expect([file.status, file.headers['content-type'], file.headers['x-content-type-options']]).toEqual([200, type, 'nosniff'])
  expect(file.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  expect(file.headers['set-cookie']).toBeUndefined()
  expect(Buffer.from(file.body)).toEqual(assets.find((asset) => asset.path === path)?.body)
})

test('an address with another hash is not there, and that is not kept', async () => {
  const file = await new Browser().fetch(`${app.url}${stylesheetHref.replace(/\.[\w-]{12}\./, '.AAAAAAAAAAAA.')}`)
  expect([file.status, file.headers['cache-control']]).toEqual([404, 'no-store'])
})

test('robots are told to stay away', async () => {
  const file = await new Browser().fetch(`${app.url}/robots.txt`)
  expect([file.status, file.body]).toEqual([200, 'User-agent: *\nDisallow: /\n'])
})

// The pages in a real browser, under the policy that the server sends: they fit narrow and wide screens, axe-core finds
// nothing to say against them, the policy is never broken, and forty scripts at once do not run even without it.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { AxeResults } from 'axe-core'
import Koa from 'koa'
import type { Browser, Page } from 'playwright-core'
import { CONSOLE_POLICY } from '../../server/admin-console/console.ts'
import { createAssets } from '../../server/http/assets.ts'
import { render } from '../../server/http/render.ts'
import { createSecurityHeaders } from '../../server/http/security-headers.ts'
import { assets, consoleScriptSrc } from '../../views/assets.ts'
import { launchChromium } from '../support/chromium.ts'
import { allPages } from './all-pages.ts'
import { SCRIPT_PAYLOADS } from './script-payloads.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const LONG = 'A name without end '.repeat(4) + 'w'.repeat(80)
const SETS = new Map([
  ['plain', allPages('plain')],
  ['long', allPages(LONG)],
  ['hostile', allPages(SCRIPT_PAYLOADS.join('\n'))],
])
/** All but the one that leaves at once for another site. */
const NAMES = [...allPages('plain').keys()].filter((name) => name !== 'form post')

const app = new Koa()
app.use(createSecurityHeaders({ secure: false })).use(createAssets(assets))
app.use((ctx) => {
  const [, set = '', name = ''] = decodeURIComponent(ctx.path).split('/')
  const made = SETS.get(set)?.get(name)
  if (name.startsWith('console')) ctx.set('Content-Security-Policy', CONSOLE_POLICY)
  if (made !== undefined) render(ctx, made)
})
const server = createServer(app.callback())
let browser: Browser

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  browser = await launchChromium()
}, 300_000)

afterAll(async () => {
  await browser.close()
  server.close()
})

/** What may differ with the colours alone; all else depends on the page and its width. */
const COLOURS = ['color-contrast', 'link-in-text-block']
const EVERYTHING = undefined

const OF_CONSOLE = NAMES.filter((name) => name.startsWith('console'))
const HALF = Math.ceil(OF_CONSOLE.length / 2)

describe.each([
  ['people', NAMES.filter((name) => !OF_CONSOLE.includes(name))],
  ['the console, the first half', OF_CONSOLE.slice(0, HALF)],
  ['the console, the rest', OF_CONSOLE.slice(HALF)],
])('pages of %s', (_whose, names) => {
  test('nothing is cut off on a phone or a desk, whatever stands in a page', async () => {
    await withPage({}, async (page) => {
      for (const name of names) {
        await page.goto(addressOf('long', name))
        for (const width of [320, 1280]) {
          await page.setViewportSize({ width, height: 800 })
          const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
          expect({ name, width, overflow }).toEqual({ name, width, overflow: 0 })
        }
      }
    })
  }, 600_000)

  // Once it is there a page is looked at in both themes and at both widths: to load it again would show nothing else.
  test('WB1: none breaks its policy, buttons are big enough, and axe-core has nothing to say, light and dark, on a phone and at a desk', async () => {
    await withPage({ reducedMotion: 'reduce' }, async (page) => {
      for (const name of names) {
        const response = await page.goto(addressOf('plain', name))
        expect(response?.headers()['content-security-policy']).toContain("default-src 'none'")
        // A style sheet that the policy kept out would leave the page without its width.
        expect({ name, drawn: await page.evaluate('getComputedStyle(document.querySelector("main")).display') }).toEqual({
          name,
          drawn: 'grid',
        })
        await page.evaluate(AXE)
        for (const [width, first, second] of [
          [320, 'light', 'dark'],
          [1280, 'dark', 'light'],
        ] as const) {
          await page.setViewportSize({ width, height: 800 })
          expect({ name, width, small: await page.evaluate(SMALL_TARGETS) }).toEqual({ name, width, small: [] })
          expect(await complaintsOf(page, first, EVERYTHING)).toEqual({ theme: first, found: [] })
          expect(await complaintsOf(page, second, COLOURS)).toEqual({ theme: second, found: [] })
        }
      }
    })
  }, 600_000)
})

test('WB4: forty scripts in every parameter do not run, not even without a policy', async () => {
  await withPage({ bypassCSP: true }, async (page) => {
    for (const name of NAMES) {
      await page.goto(addressOf('hostile', name))
      expect({ name, at: page.url() }).toEqual({ name, at: addressOf('hostile', name) })
      const scripts = await page.evaluate(
        '[...document.scripts].filter((script) => !script.src.endsWith(consoleScript)).length'.replace(
          'consoleScript',
          JSON.stringify(consoleScriptSrc),
        ),
      )
      expect({ name, scripts }).toEqual({ name, scripts: 0 })
    }
  })
}, 180_000)

/** What axe-core has to say against a page in a theme, by these of its rules or all. */
async function complaintsOf(page: Page, theme: 'light' | 'dark', rules: readonly string[] | undefined) {
  await page.emulateMedia({ colorScheme: theme })
  const options = {
    resultTypes: ['violations'],
    // Style sheets are of the page's own origin, so none has to be fetched anew; and there are no frames.
    ...{ preload: false, iframes: false },
    ...(rules === undefined ? {} : { runOnly: { type: 'rule', values: rules } }),
  }
  const { violations, dark } = await page.evaluate<AxeResults & { readonly dark: boolean }>(
    `axe.run(document, ${JSON.stringify(options)}).then((results) => ({ ...results, dark: matchMedia('(prefers-color-scheme: dark)').matches }))`,
  )
  return {
    theme: dark ? 'dark' : 'light',
    found: violations.map(({ id, nodes }) => [decodeURIComponent(page.url()), id, nodes[0]?.html]),
  }
}

/** Opens a page in which anything said on the console and any dialogue is a failure. */
async function withPage(options: Parameters<Browser['newContext']>[0], visit: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`${decodeURIComponent(page.url())}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', (dialog) => {
    complaints.push(`dialogue: ${dialog.message()}`)
    void dialog.dismiss()
  })
  try {
    await visit(page)
  } finally {
    await context.close()
  }
  expect(complaints).toEqual([])
}

function addressOf(set: string, name: string): string {
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}/${set}/${encodeURIComponent(name)}`
}

const SMALL_TARGETS = `[...document.querySelectorAll('.button, .choice, .select, input:not([type=hidden], [type=radio], [type=checkbox], [hidden])')]
  .filter((element) => element.getBoundingClientRect().height < 44)
  .map((element) => element.outerHTML)`

// People at the console, for tests: signed in as whoever has a role.
import { PASSWORD, type Person } from '../admin-api/api.ts'
import { Browser, type Page } from '../support/browser.ts'
import type { TestServer } from '../support/server.ts'

/** A browser in which somebody has signed in to the console. */
export async function atConsole(
  server: TestServer,
  person: Person,
  path = '/admin/sessions',
): Promise<{ browser: Browser; page: Page }> {
  const browser = new Browser()
  const page = await signInAs(browser, await browser.open(`${server.issuer}${path}`), person)
  return { browser, page }
}

/** Signs in on the page that asks for it; it leads back to where the person wanted to go. */
export async function signInAs(browser: Browser, page: Page, person: Person): Promise<Page> {
  return browser.submit(page, { username: `${person}@staff.example`, password: PASSWORD })
}

/** Sends the form of a page that goes to an address, with what is filled in. */
export async function send(
  browser: Browser,
  page: Page,
  action: string,
  values: { readonly [name: string]: string } = {},
): Promise<Page> {
  const form = [...page.body.matchAll(/<form\b[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].find(([, to]) => to === action)
  if (form === undefined) throw new Error(`no form to ${action} on ${page.url} (${page.status}): ${page.body.slice(0, 800)}`)
  const fields = new URLSearchParams()
  for (const [input] of (form[2] ?? '').matchAll(/<input\b[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(input)?.[1]
    if (name !== undefined && !/type="(checkbox|radio)"/.test(input))
      fields.set(name, unescapeHtml(/\bvalue="([^"]*)"/.exec(input)?.[1] ?? ''))
  }
  for (const [name, value] of Object.entries(values)) fields.set(name, value)
  const sent = await browser.fetch(new URL(action, page.url).href, { body: fields.toString() })
  const next = sent.headers.location
  return typeof next === 'string' ? browser.open(new URL(next, sent.url).href) : sent
}

function unescapeHtml(text: string): string {
  const entities: { readonly [entity: string]: string } = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' }
  return text.replace(/&(lt|gt|quot|#39|amp);/g, (entity) => entities[entity] ?? entity)
}

// A person's browser, as far as the sign-in flow needs one: cookies, redirects, and the form of the sign-in page.

import { formsOf } from '../../test/support/browser.ts'
import type { Person } from '../the-world.ts'
import { type Answer, type Connection, requestText } from './connection.ts'
import { TurnedAway } from './steps.ts'

/** A browser with its cookies. */
export interface BrowserSession {
  /**
   * Opens an authorization request and goes on, signing in where asked, until the browser would leave for the client.
   * @returns the address at the client, with the code
   */
  authorize(connection: Connection, url: URL, person: Person): Promise<URL>
}

const MAX_STEPS = 12

/** A new browser without cookies. */
export function newBrowserSession(): BrowserSession {
  const cookies = new Map<string, string>()
  return {
    async authorize(connection, start, person) {
      let url = start
      let form: { [name: string]: string } | undefined
      for (let step = 0; step < MAX_STEPS; step++) {
        const method = form === undefined ? 'GET' : 'POST'
        const answer = await connection.send(requestText(method, url, headersFor(url, cookies, form !== undefined), form))
        if (answer.status === 503) throw new TurnedAway(`${url.pathname}: ${answer.body.slice(0, 200)}`)
        keepCookies(cookies, answer)
        form = undefined
        const next = nextAddress(answer, url)
        if (next !== undefined && next.origin !== start.origin) return next
        if (next !== undefined) {
          url = next
          continue
        }
        const page = formsOf({ url: url.href, status: answer.status, headers: {}, body: answer.body })[0]
        if (page === undefined)
          throw new Error(`No form and no way on at ${url.pathname} (${answer.status}): ${answer.body.slice(0, 300)}`)
        url = new URL(page.action, url)
        form = { ...page.fields, ...('password' in page.fields ? person : {}) }
      }
      throw new Error(`The sign-in does not end; it was last at ${url.pathname}.`)
    },
  }
}

function headersFor(url: URL, cookies: ReadonlyMap<string, string>, posts: boolean): { [name: string]: string } {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return {
    Accept: 'text/html',
    'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36',
    ...(cookie === '' ? {} : { Cookie: cookie }),
    ...(posts ? { Origin: url.origin, 'Sec-Fetch-Site': 'same-origin' } : {}),
  }
}

function keepCookies(cookies: Map<string, string>, answer: Answer): void {
  for (const line of answer.headers('set-cookie')) {
    const pair = line.split(';', 1)[0] ?? ''
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    if (value === '') cookies.delete(name)
    else cookies.set(name, value)
  }
}

/** Where the answer sends the browser: by a redirect, or by `Refresh` after a form. */
function nextAddress(answer: Answer, url: URL): URL | undefined {
  const [location] = answer.headers('location')
  if (location !== undefined) return new URL(location, url)
  const [, refresh] = /^0;\s*url=(.*)$/i.exec(answer.headers('refresh')[0] ?? '') ?? []
  return refresh === undefined ? undefined : new URL(refresh, url)
}

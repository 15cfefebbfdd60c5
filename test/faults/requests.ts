// Requests to the processes of a cluster, as a load balancer passes them on: all under the host of the issuer, each to one
// process, and each written down with its answer.
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { decodeJwt } from 'jose'
import type { Page, Send } from '../support/browser.ts'
import type { TestClient } from '../support/clients.ts'
import { basic } from '../support/oauth.ts'
import type { Answer, Call, Ledger, Operation, Sent } from './history.ts'

/** Who asks, from where, and which process. */
export interface From {
  readonly who: string
  readonly address: string
  readonly at: number
}

/** What clients ask. An answer that never came is null. */
export interface Requests {
  token(from: From, client: TestClient, params: { readonly [name: string]: string }, sent: Sent): Promise<Answer | null>
  revoke(from: From, client: TestClient, token: string): Promise<Answer | null>
  introspect(from: From, client: Pick<TestClient, 'client_id' | 'client_secret'>, token: string): Promise<Answer | null>
  userinfo(from: From, token: string): Promise<Answer | null>
  /** Opens a page that only counts at the limiter. */
  knock(from: From): Promise<void>
  /** What a browser sends with; `about` says what is known of who sits before it. */
  browser(from: () => From, about: () => Sent): Send
  close(): void
}

/** Longer than any fault lasts: whoever waits as long has met a violation anyway. */
const PATIENCE_MS = 20_000

/** Makes them. */
export function createRequests(deps: {
  readonly issuer: string
  /** The port of each process, the first being number 1. */
  readonly ports: readonly number[]
  readonly ledger: Ledger
}): Requests {
  const agents = deps.ports.map(() => new Agent({ keepAlive: true, maxSockets: 200 }))
  const { host } = new URL(deps.issuer)

  async function ask(
    from: From,
    about: { readonly operation: Operation; readonly sent: Sent },
    sends: { method: string; path: string; headers: { readonly [name: string]: string }; body?: string | Uint8Array | undefined },
    read: (page: Page) => Answer,
  ): Promise<{ readonly page: Page | undefined; readonly answer: Answer | null }> {
    const start = deps.ledger.now()
    const page = await exchange({
      port: deps.ports[from.at - 1] ?? 0,
      agent: agents[from.at - 1],
      ...sends,
      headers: { ...sends.headers, host, 'x-forwarded-for': from.address },
    }).catch(() => undefined)
    const answer = page === undefined ? null : read(page)
    const call: Call = { kind: 'call', who: from.who, at: from.at, ...about, start, end: deps.ledger.now(), answer }
    deps.ledger.write(call)
    return { page: page === undefined ? undefined : { ...page, url: new URL(sends.path, deps.issuer).href }, answer }
  }

  async function post(
    from: From,
    about: { readonly operation: Operation; readonly sent: Sent },
    path: string,
    client: Pick<TestClient, 'client_id' | 'client_secret'>,
    params: { readonly [name: string]: string },
  ): Promise<Answer | null> {
    const body = new URLSearchParams(params)
    const secret = client.client_secret
    if (secret === undefined) body.set('client_id', client.client_id)
    const headers = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(secret === undefined ? {} : { authorization: basic(client.client_id, secret) }),
    }
    return (await ask(from, about, { method: 'POST', path, headers, body: body.toString() }, jsonAnswer)).answer
  }

  return {
    token: (from, client, params, sent) =>
      post(from, { operation: params.grant_type === 'refresh_token' ? 'refresh' : 'redeem', sent }, '/token', client, params),
    revoke: (from, client, token) => post(from, { operation: 'revoke', sent: { token } }, '/revoke', client, { token }),
    introspect: (from, client, token) =>
      post(from, { operation: 'introspect', sent: { token } }, '/introspect', client, { token }),
    async userinfo(from, token) {
      const headers = { accept: 'application/json', authorization: `Bearer ${token}` }
      const about = { operation: 'userinfo', sent: { token } } as const
      return (await ask(from, about, { method: 'GET', path: '/userinfo', headers }, statusAnswer)).answer
    },
    async knock(from) {
      const sends = { method: 'GET', path: '/interactions/nobody', headers: { accept: 'text/html' } }
      await ask(from, { operation: 'knock', sent: {} }, sends, statusAnswer)
    },
    browser: (from, about) => async (url, sends) => {
      const path = `${url.pathname}${url.search}`
      const signsOut = sends.method === 'POST' && url.pathname === '/logout/confirm'
      const sent = { ...about(), path: url.pathname }
      const known = { operation: signsOut ? 'sign-out' : 'page', sent } as const
      const { page } = await ask(from(), known, { ...sends, path }, pageAnswer)
      if (page === undefined) throw new Error(`no answer at ${url.pathname}`)
      return page
    },
    close() {
      for (const agent of agents) agent.destroy()
    },
  }
}

/** What a page says that is none: its heading, and when to come again. */
function pageAnswer(page: Page): Answer {
  const [, heading] = page.status < 400 ? [] : (/<h1[^>]*>([^<]*)/.exec(page.body) ?? [])
  return { status: page.status, ...(heading === undefined ? {} : { error: heading }), ...retryAfterOf(page) }
}

function statusAnswer(page: Page): Answer {
  return { status: page.status, ...retryAfterOf(page) }
}

function retryAfterOf({ headers }: Page): Pick<Answer, 'retryAfter'> {
  const retryAfter = headers['retry-after']
  return typeof retryAfter === 'string' ? { retryAfter } : {}
}

function jsonAnswer(page: Page): Answer {
  const { status, body } = page
  const { error, active, refresh_token: refresh, access_token: access } = parsed(body)
  const grant = typeof access === 'string' && access.split('.').length === 3 ? decodeJwt(access).grant_id : undefined
  return {
    status,
    ...retryAfterOf(page),
    ...(typeof error === 'string' ? { error } : {}),
    ...(typeof active === 'boolean' ? { active } : {}),
    ...(typeof refresh === 'string' ? { refresh } : {}),
    ...(typeof access === 'string' ? { access } : {}),
    ...(typeof grant === 'string' ? { grant } : {}),
  }
}

function parsed(body: string): { readonly [member: string]: unknown } {
  try {
    return JSON.parse(body)
  } catch {
    return {}
  }
}

function exchange(options: {
  readonly port: number
  readonly agent: Agent | undefined
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body?: string | Uint8Array | undefined
}): Promise<Page> {
  const { body, ...rest } = options
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', ...rest, signal: AbortSignal.timeout(PATIENCE_MS) }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ url: '', status: response.statusCode ?? 0, headers: response.headers, body: text })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

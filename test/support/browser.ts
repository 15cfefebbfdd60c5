// A browser without a screen: keeps cookies, follows redirects and `Refresh`, and submits forms the way a person does.
import { request } from 'node:http'

/** A page, or whatever else came back. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly body: string
}

/** A form on a page. */
export interface Form {
  readonly action: string
  readonly method: 'get' | 'post'
  readonly fields: { readonly [name: string]: string }
  readonly submits: readonly { readonly name: string; readonly value: string }[]
}

/** How a browser's requests are sent. */
export type Send = (
  url: URL,
  request: {
    readonly method: string
    readonly headers: { readonly [name: string]: string }
    readonly body: string | Uint8Array | undefined
  },
) => Promise<Page>

/** Makes a browser. It stops at addresses for which `stopAt` is true, as a client's callback has no server in tests. */
export class Browser {
  /** By name and path, as browsers keep them (RFC 6265 §5.3). */
  readonly #cookies = new Map<string, { name: string; value: string; path: string }>()
  readonly #userAgent: string
  readonly #stopAt: (url: URL) => boolean
  readonly #send: Send

  constructor(options: { readonly userAgent?: string; readonly stopAt?: (url: URL) => boolean; readonly send?: Send } = {}) {
    this.#send = options.send ?? send
    this.#userAgent = options.userAgent ?? 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36'
    this.#stopAt = options.stopAt ?? ((url) => url.hostname.endsWith('.example'))
  }

  /** Goes to an address and on, until there is a page. */
  async open(url: string | URL): Promise<Page> {
    return this.#follow(await this.fetch(String(url)))
  }

  /** Submits the form that is the `index`th POST form of the page, by its first submit button or the one named. */
  async submit(page: Page, values: { readonly [name: string]: string } = {}, button?: string): Promise<Page> {
    const form = formsOf(page).find((candidate) => button === undefined || candidate.submits.some(({ name }) => name === button))
    if (form === undefined) throw new Error(`no form to submit on ${page.url} (${page.status}): ${page.body.slice(0, 600)}`)
    const pressed = button === undefined ? form.submits[0] : form.submits.find(({ name }) => name === button)
    const fields = new URLSearchParams({ ...form.fields, ...values })
    if (pressed !== undefined && pressed.name !== '') fields.set(pressed.name, pressed.value)
    const action = new URL(form.action, page.url)
    return this.#follow(await this.fetch(action.href, { body: fields.toString() }))
  }

  /** One request; sends cookies and keeps those that come back. */
  async fetch(
    url: string,
    options: {
      readonly body?: string | Uint8Array
      readonly method?: string
      readonly headers?: { readonly [name: string]: string }
    } = {},
  ): Promise<Page> {
    const target = new URL(url)
    const method = options.method ?? (options.body === undefined ? 'GET' : 'POST')
    const headers: { [name: string]: string } = {
      accept: 'text/html,application/xhtml+xml',
      'user-agent': this.#userAgent,
      ...(this.cookieHeader(target.pathname) === '' ? {} : { cookie: this.cookieHeader(target.pathname) }),
      ...(options.body === undefined
        ? {}
        : {
            'content-type': 'application/x-www-form-urlencoded',
            'content-length': String(Buffer.byteLength(options.body)),
            origin: target.origin,
            'sec-fetch-site': 'same-origin',
          }),
      ...options.headers,
    }
    const page = await this.#send(target, { method, headers, body: options.body })
    for (const line of [page.headers['set-cookie'] ?? []].flat()) this.#keep(line)
    return page
  }

  /** The value of a cookie, for those who want to steal it. */
  cookie(name: string): string | undefined {
    return [...this.#cookies.values()].findLast((cookie) => cookie.name === name)?.value
  }

  /** The names of the cookies that are kept. */
  cookieNames(): string[] {
    return [...new Set([...this.#cookies.values()].map((cookie) => cookie.name))]
  }

  /** Plants a cookie. */
  setCookie(name: string, value: string, path = '/'): void {
    this.#cookies.set(`${name};${path}`, { name, value, path })
  }

  /** Another browser with the cookies that this one has now: what their thief has. */
  copy(): Browser {
    const other = new Browser({ userAgent: this.#userAgent, stopAt: this.#stopAt, send: this.#send })
    for (const { name, value, path } of this.#cookies.values()) other.setCookie(name, value, path)
    return other
  }

  /** What would be sent as `Cookie`. */
  cookieHeader(path: string): string {
    return [...this.#cookies.values()]
      .filter((cookie) => path === cookie.path || path.startsWith(cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  async #follow(first: Page): Promise<Page> {
    let page = first
    for (let hops = 0; hops < 12; hops += 1) {
      const next = nextAddress(page)
      if (next === undefined) return page
      if (this.#stopAt(next)) return { ...page, url: next.href }
      page = await this.fetch(next.href)
    }
    throw new Error(`too many redirects, the last to ${page.url}`)
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const [name = '', ...value] = pair.split('=')
    const path = attributes.find((attribute) => attribute.toLowerCase().startsWith('path='))?.slice(5) ?? '/'
    const expires = attributes.find((attribute) => attribute.toLowerCase().startsWith('expires='))?.slice(8)
    const gone = value.join('=') === '' || (expires !== undefined && Date.parse(expires) < 1_000_000_000)
    if (gone) this.#cookies.delete(`${name};${path}`)
    else this.setCookie(name, value.join('='), path)
  }
}

/** The forms of a page that are sent by POST. */
export function formsOf(page: Page): Form[] {
  return [...page.body.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)]
    .map(([, attributes = '', inside = '']) => ({
      action: attribute(attributes, 'action') ?? page.url,
      method: attribute(attributes, 'method')?.toLowerCase() === 'post' ? ('post' as const) : ('get' as const),
      fields: fieldsOf(inside),
      submits: [...inside.matchAll(/<(?:button|input)\b([^>]*)>/g)]
        .map(([, tag = '']) => tag)
        .filter((tag) => (attribute(tag, 'type') ?? 'text') === 'submit')
        .map((tag) => ({ name: attribute(tag, 'name') ?? '', value: attribute(tag, 'value') ?? '' })),
    }))
    .filter((form) => form.method === 'post')
}

function fieldsOf(inside: string): { [name: string]: string } {
  const fields: { [name: string]: string } = {}
  for (const [, tag = ''] of inside.matchAll(/<input\b([^>]*)>/g)) {
    const name = attribute(tag, 'name')
    const type = attribute(tag, 'type') ?? 'text'
    if (name === undefined || type === 'submit') continue
    if ((type === 'radio' || type === 'checkbox') && !/\bchecked\b/.test(tag)) continue
    fields[name] = attribute(tag, 'value') ?? ''
  }
  return fields
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]
  return value
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

function nextAddress(page: Page): URL | undefined {
  const location = page.headers.location
  if (page.status >= 300 && page.status < 400 && typeof location === 'string') return new URL(location, page.url)
  const refresh = page.headers.refresh
  const match = typeof refresh === 'string' ? /^0;\s*url=(.*)$/i.exec(refresh) : null
  return match?.[1] === undefined ? undefined : new URL(match[1], page.url)
}

const send: Send = (url, { method, headers, body }) =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      const done = () =>
        resolve({
          url: url.href,
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        })
      // An event stream has no end that could be waited for: that it has begun is its answer.
      if (response.headers['content-type']?.startsWith('text/event-stream') === true) {
        done()
        response.destroy()
        return
      }
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', done)
    })
    sent.on('error', reject)
    sent.end(body)
  })

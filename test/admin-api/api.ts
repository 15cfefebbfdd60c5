// The admin API for tests: a server with people of every role, and tokens for whoever asks.
import { expect } from '@jest/globals'
import { ADMIN_SCOPES } from '../../config/scopes.ts'
import { obtainTokens, tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

/** A client that may do everything, for itself. */
export const ROBOT = { client_id: 'robot', client_secret: 'a-secret-of-the-robot-that-is-long-enough' }

/** A client through which people administer. */
export const TOOL = {
  client_id: 'tool',
  client_secret: 'a-secret-of-the-tool-that-is-long-enough',
  redirect_uri: 'https://tool.example/callback',
  scope: `openid ${ADMIN_SCOPES.join(' ')}`,
}

export const PASSWORD = 'seven bridges of Koenigsberg 1736'

/** A person with each role, and one with none. */
export const PEOPLE = ['owner', 'operator', 'auditor', 'helpdesk', 'nobody'] as const
export type Person = (typeof PEOPLE)[number]

/** Starts it. */
export function startAdminServer(more: Parameters<typeof startServer>[0] = {}): Promise<TestServer> {
  const { clients = [], accounts = [] } = more.provision ?? {}
  return startServer({
    ...more,
    provision: {
      clients: [
        { ...ROBOT, grant_types: ['client_credentials'], scope: ADMIN_SCOPES.join(' ') },
        {
          client_id: TOOL.client_id,
          client_secret: TOOL.client_secret,
          redirect_uris: [TOOL.redirect_uri],
          grant_types: ['authorization_code'],
          scope: TOOL.scope,
          skip_consent: true,
        },
        ...clients,
      ],
      accounts: [
        ...PEOPLE.map((person) => ({
          email: `${person}@staff.example`,
          email_verified: true,
          name: `The ${person}`,
          password: PASSWORD,
          roles: person === 'nobody' ? [] : [person],
        })),
        ...accounts,
      ],
    },
  })
}

/** The resource that tokens for the admin API name. */
export function adminResourceOf(server: Pick<TestServer, 'issuer'>): string {
  return `${server.issuer}/admin/api`
}

/** A token of the robot. */
export async function robotToken(server: TestServer, scope: string = ADMIN_SCOPES.join(' ')): Promise<string> {
  const { body } = await tokenRequest(server, ROBOT, {
    grant_type: 'client_credentials',
    resource: adminResourceOf(server),
    scope,
  })
  if (body.access_token === undefined) throw new Error(`the robot has no token: ${JSON.stringify(body)}`)
  return body.access_token
}

/** A token of a person; `scope` where the app asks for less than it may. */
export async function personToken(server: TestServer, person: Person, scope = TOOL.scope): Promise<string> {
  const resource = adminResourceOf(server)
  const { tokens } = await obtainTokens(server, TOOL, {
    person: { username: `${person}@staff.example`, password: PASSWORD },
    params: { resource, scope },
    token: { resource },
  })
  if (tokens.body.access_token === undefined) throw new Error(`${person} has no token: ${JSON.stringify(tokens.body)}`)
  return tokens.body.access_token
}

/** An answer of the API. */
export interface ApiResult {
  readonly status: number
  readonly headers: Headers
  /** What it holds is what the tests are about. */
  readonly body: ReturnType<typeof JSON.parse>
}

/** Of many requests at once each is answered so, or told to come again, when the machine is too busy for all of them. */
export function expectOnly(answers: readonly ApiResult[], ...expected: readonly number[]): void {
  for (const { status, body } of answers)
    expect({ status: [...expected, 503].includes(status) ? 'expected' : status, body }).toEqual({ status: 'expected', body })
}

/** The preview of what a filter finds, all of it: it counts no longer than somebody waits, and the machine may be busy. */
export async function wholePreview(preview: () => Promise<ApiResult>): Promise<ApiResult['body']> {
  let { body } = await preview()
  for (let tries = 0; body.more && tries < 100; tries += 1) body = (await preview()).body
  return body
}

/** Asks the API. */
export async function ask(
  server: Pick<TestServer, 'issuer'>,
  token: string,
  request: string,
  options: { readonly body?: unknown; readonly headers?: { readonly [name: string]: string } } = {},
): Promise<ApiResult> {
  const [method = 'GET', path = ''] = request.split(' ')
  const response = await fetch(`${server.issuer}/admin/api/v1${path}`, {
    method,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  })
  const { status, headers } = response
  if (!/json(;|$)/.test(headers.get('content-type') ?? '')) {
    // A file, or a stream that would not end.
    await response.body?.cancel()
    return { status, headers, body: undefined }
  }
  const text = await response.text()
  return { status, headers, body: text === '' ? undefined : JSON.parse(text) }
}

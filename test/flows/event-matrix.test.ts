// What each event ends: the table of docs/revocation.md, one test a cell. Every event happens to people, apps and tokens of its
// own, and everything that they had is looked at afterwards, over HTTP.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { scopesOfRoles } from '../../config/roles.ts'
import { closeExpiredSessions } from '../../server/maintenance/expired-sessions.ts'
import { REGISTRY_LAG_SECONDS } from '../../server/tokens/revocations.ts'
import { Browser } from '../support/browser.ts'
import { SPA } from '../support/clients.ts'
import { authorizationRequest, callbackParams, clientRequest, headerOf, redeem, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'
import {
  type Left,
  lookAt,
  type Registered,
  type Remains,
  register,
  type Setup,
  scopesOf,
  sequenceOf,
  setUp,
  until,
} from './event-setup.ts'

/** The columns of the table, what each looks at, and what the words in it mean. */
const COLUMNS: { readonly [column: string]: Column } = {
  'This session': { of: ({ sessions }) => [sessions.here], words: { '–': ['stays'], ends: ['ended'] } },
  'Other sessions': {
    of: ({ sessions }) => [sessions.there, sessions.somebody],
    words: { '–': ['stays', 'stays'], end: ['ended', 'stays'], 'end, of everybody': ['ended', 'ended'] },
  },
  'Refresh, bound to a session': { of: ({ bound }) => Object.values(bound) },
  'Refresh, offline': { of: ({ offline }) => Object.values(offline), client: 'offline' },
  'Access tokens, JWT': { of: ({ jwts }) => Object.values(jwts) },
  'Access tokens, opaque': { of: ({ opaques }) => Object.values(opaques) },
  'A client’s own tokens': {
    of: ({ own }) => [own.jwt, own.opaque],
    client: 'offline',
    words: {
      '–': ['stays', 'stays'],
      'of that client': ['ended', 'ended'],
      'of its clients': ['ended', 'ended'],
      'of everybody': ['ended', 'ended'],
      'JWTs signed by it': ['ended', 'stays'],
    },
  },
  'Codes on their way': { of: ({ codes }) => Object.values(codes) },
  'Apps are told': {
    of: ({ told }, which) => Object.values(told).map((apps) => (apps === which ? 'that one' : apps)),
    client: 'each',
    words: {
      '–': ['–', '–', '–'],
      'of this session': ['both', '–', '–'],
      'of other sessions': ['–', 'both', '–'],
      all: ['both', 'both', '–'],
      'of everybody': ['both', 'both', 'both'],
      'that app': ['that one', '–', '–'],
      'that app, of each session': ['that one', 'that one', '–'],
    },
  },
  'APIs are told of': { of: ({ entries }) => [entries.join(', ') || '–'], client: 'each' },
}

/** What the words mean in most columns: here, in the other browser, and with somebody else. */
const WORDS: { readonly [cell: string]: readonly Left[] } = {
  '–': ['stays', 'stays', 'stays'],
  'live out their time': ['stays', 'stays', 'stays'],
  'of this session': ['ended', 'stays', 'stays'],
  'of other sessions': ['stays', 'ended', 'stays'],
  all: ['ended', 'ended', 'stays'],
  'that one': ['ended', 'stays', 'stays'],
  'of that grant': ['ended', 'stays', 'stays'],
  'of that consent': ['ended', 'ended', 'stays'],
  'of that client': ['ended', 'ended', 'ended'],
  'of its clients': ['ended', 'ended', 'ended'],
  'signed by it': ['ended', 'ended', 'ended'],
  'of everybody': ['ended', 'ended', 'ended'],
  'get less': ['less', 'less', 'less'],
  'of that consent, get less': ['less', 'less', 'stays'],
}

/** Refresh tokens that are bound to a session and those that are not are different clients'. */
type WhichClient = 'bound' | 'offline'

interface Column {
  readonly of: (remains: Remains, which: WhichClient) => readonly string[]
  /** The client that an event happens to, for this column to show it. */
  readonly client?: WhichClient | 'each'
  readonly words?: { readonly [cell: string]: readonly string[] }
}

interface Row {
  /** In the order of the columns. */
  readonly cells: readonly string[]
  /** Whether it happens to a client, and so must be tried with each. */
  readonly toClient?: true
  readonly happen: (setup: Setup, which: WhichClient) => Promise<unknown>
}

const BY = { actor: 'acc_admin', reason: 'a test', powers: scopesOfRoles(['owner']) }
const NEXT_PASSWORD = 'what the two of them say 1852, and then some'

const nouns = ({ server }: Setup) => server.latchkey.nouns
const events = (setup: Setup) => nouns(setup).events
const clientOf = (setup: Setup, which: WhichClient) => (which === 'bound' ? setup.boundClient : setup.offlineClient)
const idOf = (setup: Setup, which: WhichClient) => clientOf(setup, which).client_id
const pairOf = (setup: Setup, which: WhichClient) => ({ accountId: setup.here.accountId, clientId: idOf(setup, which) })

const ALL_OF_ACCOUNT = ['ends', 'end', 'all', 'all', 'all', 'all', '–', 'all', 'all']
const ALL_BUT_THIS_SESSION = [
  ...['–', 'end', 'of other sessions', 'all', 'of other sessions', 'of other sessions', '–', 'of other sessions'],
  'of other sessions',
]
const ALL_OF_CLIENT = [...['–', '–'], ...Array<string>(6).fill('of that client'), '–', 'client_id']
const OF_GRANT = ['–', '–', 'of that grant', 'of that grant', 'of that grant', 'of that grant', '–', 'of that grant']
const OF_CONSENT = ['–', '–', 'of that consent', 'of that consent', 'of that consent', 'of that consent', '–', 'of that consent']
const NOTHING = Array<string>(10).fill('–')

/** The table. */
const ROWS: { readonly [event: string]: Row } = {
  'Sign-out, this device': {
    cells: [
      'ends',
      '–',
      'of this session',
      '–',
      'of this session',
      'of this session',
      '–',
      'of this session',
      'of this session',
      'sid',
    ],
    happen: ({ server, here }) => signOut(server, here.browser),
  },
  'Sign-out everywhere': {
    cells: [...ALL_OF_ACCOUNT, 'sid'],
    happen: ({ server, here }) => signOut(server, here.browser, { scope: 'account' }),
  },
  'Session ended by the person': {
    cells: ['ends', '–', ...Array<string>(4).fill('of this session'), '–', 'of this session', 'of this session', 'sid'],
    happen: (setup) => nouns(setup).sessions.end({ ...setup.here, origin: {} }),
  },
  'Session ended by an operator': {
    cells: ['ends', '–', ...Array<string>(4).fill('of this session'), '–', 'of this session', 'of this session', 'sid'],
    happen: (setup) => events(setup).sessions.revoke([setup.here.sessionId], BY),
  },
  'All other sessions ended by the person': {
    cells: ['–', 'end', ...Array<string>(4).fill('of other sessions'), '–', 'of other sessions', 'of other sessions', 'sid'],
    happen: ({ here, ...setup }) =>
      nouns({ here, ...setup }).sessions.endOthers({ ...here, keepSessionId: here.sessionId, origin: {} }),
  },
  'Another person signs in over it': {
    cells: ['ends', '–', ...Array<string>(4).fill('of this session'), '–', 'of this session', 'of this session', 'sid'],
    happen: (setup) => signInOver(setup),
  },
  'Session not used for too long': {
    cells: [
      ...['ends', 'end, of everybody', 'of everybody', '–', 'live out their time', 'live out their time', '–'],
      ...['of everybody', 'of everybody', '–'],
    ],
    happen: async ({ server }) => {
      await server.advance(IDLE_SECONDS + 31)
      await closeExpiredSessions({ db: server.latchkey.stores.db, expiry: server.latchkey.nouns.sessionExpiry })
    },
  },
  'Session that lasts no longer, however it is used': {
    cells: [
      ...['ends', 'end, of everybody', 'of everybody', '–', 'live out their time', 'live out their time', '–'],
      ...['of everybody', 'of everybody', '–'],
    ],
    happen: async ({ server }) => {
      await run(
        server.databaseUrl,
        `UPDATE sessions SET absolute_expires_at = latchkey_now() + interval '1 second', expires_at = latchkey_now() + interval '1 second'
         WHERE ended_at IS NULL`,
      )
      await server.advance(32)
      await closeExpiredSessions({ db: server.latchkey.stores.db, expiry: server.latchkey.nouns.sessionExpiry })
    },
  },
  'Grant revoked': {
    cells: [...OF_GRANT, 'that app', 'grant_id'],
    toClient: true,
    happen: (setup, which) => events(setup).grants.revokeMany([setup.here[which].grantId], BY),
  },
  'Consent withdrawn': {
    cells: [...OF_CONSENT, 'that app, of each session', 'grant_id'],
    toClient: true,
    happen: (setup, which) => events(setup).grants.withdrawConsent(pairOf(setup, which), BY),
  },
  'Consent narrowed': {
    cells: [
      ...['–', '–', 'of that consent, get less', 'of that consent, get less', 'of that consent', 'of that consent', '–'],
      ...['of that consent, get less', '–', 'grant_id'],
    ],
    toClient: true,
    happen: (setup, which) =>
      events(setup).grants.narrowConsent(
        {
          ...pairOf(setup, which),
          consent: {
            openid: ['openid', 'email', 'offline_access'],
            resources: { [setup.api.identifier]: [setup.api.read] },
          },
        },
        BY,
      ),
  },
  'Scope taken from a client': {
    cells: ['–', '–', 'get less', 'get less', 'of that client', 'of that client', 'of that client', 'get less', '–', 'client_id'],
    toClient: true,
    happen: (setup, which) => takeScope(setup, which),
  },
  'Resource server deleted, or a scope taken from it': {
    cells: ['–', '–', 'get less', 'get less', 'of its clients', 'of its clients', 'of its clients', 'get less', '–', 'client_id'],
    happen: (setup) => deleteResourceServer(setup),
  },
  'Password changed': {
    cells: [...ALL_BUT_THIS_SESSION, 'sid'],
    happen: async (setup) => {
      const { accountId, sessionId, person } = setup.here
      const request = { accountId, sessionId, current: person.password, next: NEXT_PASSWORD, origin: {} }
      expect(await nouns(setup).changePassword(request)).toMatchObject({
        outcome: 'changed',
        ended: { sequence: expect.any(Number) },
      })
    },
  },
  'Password reset': {
    cells: [...ALL_OF_ACCOUNT, 'sid'],
    happen: async (setup) => {
      const { accountId } = setup.here
      const { outcome } = await events(setup).accounts.resetPassword({ accountId, next: NEXT_PASSWORD }, BY)
      expect(outcome).toBe('reset')
    },
  },
  'Account contained': {
    cells: [...ALL_OF_ACCOUNT, 'sid'],
    happen: (setup) => events(setup).accounts.contain(setup.here.accountId, BY),
  },
  'E-mail address changed by the person': {
    cells: [...ALL_BUT_THIS_SESSION, 'sid'],
    happen: (setup) => changeEmail(setup, setup.here.sessionId),
  },
  'E-mail address changed by an operator': {
    cells: [...ALL_OF_ACCOUNT, 'sid'],
    happen: (setup) => changeEmail(setup),
  },
  'Account suspended': {
    cells: [...ALL_OF_ACCOUNT, 'sid'],
    happen: (setup) => events(setup).accounts.suspend(setup.here.accountId, BY),
  },
  'Account suspended, then reinstated': {
    cells: [...ALL_OF_ACCOUNT, 'sid'],
    happen: async (setup) => {
      await events(setup).accounts.suspend(setup.here.accountId, BY)
      await events(setup).accounts.reinstate(setup.here.accountId, BY)
    },
  },
  'Account deleted': {
    cells: [...ALL_OF_ACCOUNT, 'sub'],
    happen: (setup) => events(setup).accounts.delete(setup.here.accountId, BY),
  },
  'Role taken away': {
    cells: ['–', '–', '–', '–', 'all', 'all', '–', '–', '–', 'sub'],
    happen: (setup) => events(setup).accounts.changeRoles({ accountId: setup.here.accountId, roles: ['auditor'] }, BY),
  },
  'Role given': {
    cells: NOTHING,
    happen: ({ here, ...setup }) =>
      events({ here, ...setup }).accounts.changeRoles(
        { accountId: here.accountId, roles: ['auditor', 'helpdesk', 'operator'] },
        BY,
      ),
  },
  'Client suspended': {
    cells: ALL_OF_CLIENT,
    toClient: true,
    happen: (setup, which) => events(setup).clients.suspend(idOf(setup, which), BY),
  },
  'Client suspended, then reinstated': {
    cells: ALL_OF_CLIENT,
    toClient: true,
    happen: async (setup, which) => {
      await events(setup).clients.suspend(idOf(setup, which), BY)
      await events(setup).clients.reinstate(idOf(setup, which), BY)
      await setup.server.advance(REGISTRY_LAG_SECONDS + 2)
    },
  },
  'Client deleted': {
    cells: ALL_OF_CLIENT,
    toClient: true,
    happen: (setup, which) => events(setup).clients.delete(idOf(setup, which), BY),
  },
  'Client secret replaced, or taken away': {
    cells: NOTHING,
    happen: (setup) => replaceSecret(setup),
  },
  'Client secret compromised': {
    cells: ALL_OF_CLIENT,
    toClient: true,
    happen: async (setup, which) => {
      await events(setup).clients.compromiseSecrets(idOf(setup, which), BY)
      // Until then nothing is given to a client that is active; afterwards what was given before must not be worth anything.
      await setup.server.advance(REGISTRY_LAG_SECONDS + 2)
    },
  },
  'Refresh token reused': {
    cells: [...OF_GRANT, '–', 'grant_id'],
    toClient: true,
    happen: async (setup, which) => {
      const { body } = await refresh(setup.server, clientOf(setup, which), setup.here[which].spent)
      expect(body.error).toBe('invalid_grant')
    },
  },
  'Code used twice': {
    cells: [...OF_GRANT, '–', 'grant_id'],
    toClient: true,
    happen: async (setup, which) => {
      const { authorization, code } = setup.here[which].redeemed
      expect((await redeem(setup.server, clientOf(setup, which), authorization, code)).body.error).toBe('invalid_grant')
    },
  },
  'Refresh token revoked by its client': {
    cells: [...OF_GRANT, '–', 'grant_id'],
    toClient: true,
    happen: (setup, which) => revoke(setup, which, setup.here[which].refreshToken),
  },
  'JWT access token revoked by its client': {
    cells: ['–', '–', '–', '–', 'that one', '–', '–', '–', '–', 'jti'],
    happen: (setup) => revoke(setup, 'bound', setup.here.bound.jwt),
  },
  'Opaque access token revoked by its client': {
    cells: ['–', '–', '–', '–', '–', 'that one', '–', '–', '–', '–'],
    happen: (setup) => revoke(setup, 'bound', setup.here.bound.opaque),
  },
  'Access tokens revoked by the account they name': {
    cells: ['–', '–', '–', '–', 'all', 'all', '–', '–', '–', 'sub'],
    happen: (setup) => events(setup).revokeByName({ kind: 'sub', value: setup.here.accountId }, BY),
  },
  'Signing key compromised': {
    cells: ['–', '–', '–', '–', 'signed by it', '–', 'JWTs signed by it', '–', '–', 'kid'],
    happen: ({ server, here }) => server.latchkey.keys.compromise(String(headerOf(here.bound.jwt).kid), BY),
  },
  'Every session ended, as when cookie keys are compromised': {
    cells: ['ends', 'end, of everybody', 'of everybody', '–', ...Array<string>(5).fill('of everybody'), 'client_id, kid'],
    happen: (setup) => nouns(setup).endEverySession({ reason: 'the keys of cookies were in a ticket' }),
  },
  'Everything ended, by the operator or after [a restore](how-to/restore-a-backup.md)': {
    cells: ['ends', 'end, of everybody', ...Array<string>(7).fill('of everybody'), 'client_id, kid'],
    happen: (setup) => nouns(setup).endEverything({ cause: 'everything_ended' }),
  },
}

const IDLE_SECONDS = 400

let server: TestServer
const registered = new Map<string, Registered>()

beforeAll(async () => {
  server = await startServer({ settings: { LATCHKEY_SESSION_IDLE_TTL: String(IDLE_SECONDS) } })
  for (const [index, [event, { toClient }]] of Object.entries(ROWS).entries()) {
    for (const which of clientsOf(toClient)) {
      registered.set(`${event} ${which}`, await register(server, `${which === 'bound' ? 'b' : 'o'}${index}`))
    }
  }
  const last = `b${Object.keys(ROWS).length - 1}:write`
  await until(async () => (await scopesOf(server)).includes(last))
}, 60_000)

afterAll(async () => {
  await server?.stop()
})

describe.each(Object.entries(ROWS))('%s', (event, { cells, toClient, happen }) => {
  const remains = new Map<WhichClient, Remains>()

  beforeAll(async () => {
    const setups = await Promise.all(
      clientsOf(toClient).map(async (which) => {
        const names = registered.get(`${event} ${which}`)
        if (names === undefined) throw new Error(`nothing was registered for ${event}`)
        return [which, await setUp(server, names)] as const
      }),
    )
    for (const [which, setup] of setups) {
      const sequence = await sequenceOf(server)
      await happen(setup, which)
      remains.set(which, await lookAt(setup, sequence))
    }
  }, 60_000)

  test.each(Object.keys(COLUMNS).map((column, index) => [column, cells[index] ?? ''] as const))('%s: %s', (name, cell) => {
    const column = COLUMNS[name]
    const { client = 'bound' } = toClient === undefined ? {} : (column ?? {})
    const expected = name === 'APIs are told of' ? [cell] : (column?.words ?? WORDS)[cell]
    for (const which of client === 'each' ? clientsOf(toClient) : [client]) {
      const found = remains.get(which)
      if (column === undefined || found === undefined) throw new Error(`nothing is known of ${event}, ${name}`)
      expect(column.of(found, which)).toEqual(expected)
    }
  })
})

/** Events that end what there is of a grant, an account or a client, be its sessions over or not. */
const WHATEVER_THE_SESSION = [
  ...['Grant revoked', 'Consent withdrawn', 'Password reset', 'Account contained', 'Account suspended', 'Account deleted'],
  ...['Client suspended', 'Client deleted', 'Refresh token reused', 'Code used twice', 'Refresh token revoked by its client'],
]

/** What is over with its session before anything happens; all else is as the table says. */
const OVER_ALREADY: { readonly [column: string]: readonly Left[] } = {
  'This session': ['ended'],
  'Other sessions': ['ended', 'ended'],
  'Refresh, bound to a session': ['ended', 'ended', 'ended'],
  'Codes on their way': ['ended', 'ended', 'ended'],
}

describe.each(WHATEVER_THE_SESSION)('%s, once the sessions have run out', (event) => {
  const row = ROWS[event]
  const remains = new Map<WhichClient, Remains>()
  const columns = Object.keys(COLUMNS).filter((column) => column !== 'Apps are told' && column !== 'APIs are told of')

  beforeAll(async () => {
    for (const which of clientsOf(row?.toClient)) {
      const names = await register(server, `${which === 'bound' ? 'vb' : 'vo'}${WHATEVER_THE_SESSION.indexOf(event)}`)
      await until(async () => (await scopesOf(server)).includes(`${names.name}:write`))
      const setup = await setUp(server, names)
      await runOut(setup)
      await row?.happen(setup, which)
      remains.set(which, await lookAt(setup, await sequenceOf(server)))
    }
  }, 60_000)

  test.each(columns)('%s', (name) => {
    const column = COLUMNS[name]
    const { client = 'bound' } = row?.toClient === undefined ? {} : (column ?? {})
    const found = client === 'each' ? undefined : remains.get(client)
    if (column === undefined || found === undefined) throw new Error(`nothing is known of ${event}, ${name}`)
    const cell = row?.cells[Object.keys(COLUMNS).indexOf(name)] ?? ''
    expect(column.of(found, 'bound')).toEqual(OVER_ALREADY[name] ?? (column.words ?? WORDS)[cell])
  })
})

test('docs/revocation.md has this table', async () => {
  const page = await readFile(new URL('../../docs/revocation.md', import.meta.url), 'utf8')
  const published = page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '))
  const [header, ...rows] = published
  expect(header).toEqual(['Event', ...Object.keys(COLUMNS)])
  expect(rows).toEqual(Object.entries(ROWS).map(([event, { cells }]) => [event, ...cells]))
})

function clientsOf(toClient: true | undefined): readonly WhichClient[] {
  return toClient ? ['bound', 'offline'] : ['bound']
}

async function signOut(
  { issuer }: TestServer,
  browser: Browser,
  values: { readonly [name: string]: string } = {},
): Promise<void> {
  await browser.submit(await browser.open(new URL('/logout', issuer)), values)
}

/** The sessions of a set-up are over, and have been closed; codes that were given in them would be good for a minute yet. */
async function runOut({ server: at, here, there, somebody }: Setup): Promise<void> {
  const ids = [here, there, somebody].map(({ sessionId }) => sessionId)
  await run(at.databaseUrl, "UPDATE sessions SET expires_at = latchkey_now() - interval '1 second' WHERE id = ANY($1)", [ids])
  await closeExpiredSessions({ db: at.latchkey.stores.db, expiry: at.latchkey.nouns.sessionExpiry })
  const closed = await run(at.databaseUrl, 'SELECT id FROM sessions WHERE id = ANY($1) AND closed_at IS NOT NULL', [ids])
  expect(closed).toHaveLength(ids.length)
}

async function signInOver({ server: at, here, somebody }: Setup): Promise<void> {
  const authorization = authorizationRequest(at, SPA, { prompt: 'login', scope: 'openid' })
  const asked = await here.browser.submit(await here.browser.open(authorization.url), somebody.person)
  expect(callbackParams(await here.browser.submit(asked)).code).toBeDefined()
}

/** The process that answers takes a change over within a second. */
async function takeScope(setup: Setup, which: WhichClient): Promise<void> {
  const client = await events(setup).registered.clients.find(idOf(setup, which))
  if (client === undefined) throw new Error('the client is not there')
  const scope = client.metadata.scope.split(' ').filter((word) => word !== setup.api.write)
  await events(setup).clients.update({ ...client.metadata, scope: scope.join(' ') }, BY)
  const params = { prompt: 'none', scope: `openid ${setup.api.write}` }
  await until(async () => {
    const { url } = authorizationRequest(setup.server, clientOf(setup, which), params)
    return callbackParams(await new Browser().open(url)).error === 'invalid_scope'
  })
}

async function deleteResourceServer(setup: Setup): Promise<void> {
  await events(setup).resourceServers.delete(setup.api.identifier, BY)
  await until(async () => !(await scopesOf(setup.server)).includes(setup.api.write))
}

async function replaceSecret(setup: Setup): Promise<void> {
  const clientId = setup.offlineClient.client_id
  const secret = 'another-secret-of-the-offline-client-that-is-long'
  await events(setup).clients.rotateSecret({ clientId, secret, overlapSeconds: 600 }, BY)
  const client = await events(setup).registered.clients.find(clientId)
  await events(setup).clients.deleteSecret({ clientId, secretId: client?.secrets.at(-1)?.id ?? '' }, BY)
}

function changeEmail(setup: Setup, keepSessionId?: string): Promise<unknown> {
  const { accountId } = setup.here
  const kept = keepSessionId === undefined ? {} : { keepSessionId }
  return events(setup).accounts.changeEmail({ accountId, email: `new-${accountId}@people.example`, verified: true, ...kept }, BY)
}

async function revoke(setup: Setup, which: WhichClient, token: string): Promise<void> {
  expect((await clientRequest(setup.server, '/revoke', clientOf(setup, which), { token })).status).toBe(200)
}

// What an operator administrates by the command line, beside a running server: the real program, and what it ends is over for
// whoever asks the server.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { latchkey } from '../../server/commands/latchkey.ts'
import { Browser } from '../support/browser.ts'
import { API, PARTNER, SPA, WEB } from '../support/clients.ts'
import { withEnvironment } from '../support/environment.ts'
import { claimsOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { COMPILED } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

const BIN = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lk-administration-'))

let server: TestServer

beforeAll(async () => {
  server = await startServer()
}, 60_000)

afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true })
})

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** What the program's environment is, and nothing else. */
function environment(): { readonly [name: string]: string } {
  return {
    ...{ NODE_ENV: 'test', DATABASE_URL: server.databaseUrl, REDIS_URL: redisUrl(), ISSUER: server.issuer, DATA_DIR: folder },
    ...{ ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64url'), COOKIE_KEYS: '9f2c7d1e5a8b3f604c1d7e9a2b5c8f03' },
  }
}

/** Runs the program in this process: to start one takes longer than what it does. */
async function cli(args: readonly string[], settings: { readonly [name: string]: string } = {}): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  const output = { out: (text: string) => void out.push(`${text}\n`), err: (text: string) => void err.push(`${text}\n`) }
  const code = await withEnvironment({ ...environment(), ...settings }, () => latchkey(args, output))
  return { code, out: out.join(''), err: err.join('') }
}

/** Runs it as a person would, in a process of its own. */
function program(args: readonly string[], input = ''): Promise<Ran> {
  const env = { ...COMPILED, PATH: '/usr/bin:/bin', HOME: folder, ...environment() }
  return new Promise((done) => {
    const child = execFile(process.execPath, [BIN, ...args], { env, cwd: folder, timeout: 120_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      done({ code, out, err })
    })
    child.stdin?.end(input)
  })
}

async function json(...args: string[]) {
  const { code, out, err } = await cli([...args, '--json'])
  if (code !== 0) throw new Error(`${code} ${out} ${err}`)
  return JSON.parse(out)
}

const signedIn = (person = server.ada, client = SPA) => obtainTokens(server, client, { browser: new Browser(), person })
const idsOf = ({ tokens }: Awaited<ReturnType<typeof signedIn>>) => {
  const { sid, grant_id: grant, jti } = claimsOf(tokens.body.access_token)
  return { sid: String(sid), grant: String(grant), jti: String(jti) }
}
const live = async ({ tokens }: Awaited<ReturnType<typeof signedIn>>) =>
  (await introspect(server, API, tokens.body.access_token ?? '')).active

/** The latest event of that name. */
async function eventOf(name: string) {
  const rows = await run(server.databaseUrl, 'SELECT actor, reason FROM audit_events WHERE name = $1 ORDER BY id DESC LIMIT 1', [
    name,
  ])
  return rows[0]
}

describe('sessions', () => {
  test('are listed, looked at before they end, and ended with a reason', async () => {
    const [one, other] = [await signedIn(), await signedIn()]
    const { sid } = idsOf(one)
    const { out } = await cli(['sessions', 'list', '--account', server.ada.username])
    expect(out).toMatch(/^session +account +device +address +state +last active +apps\n/)
    expect(out).toContain(sid)
    expect(await json('sessions', 'list', '--account', server.ada.username)).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: sid, state: 'live' })]),
    )
    const dry = await cli(['sessions', 'revoke', '--id', sid, '--dry-run'])
    expect(dry.out).toMatch(/^Would end:\n {2}sessions: 1\n[^!]*Nothing was written\.\n$/)
    expect([await live(one), await live(other)]).toEqual([true, true])
    const done = await json('sessions', 'revoke', '--id', sid, '--reason', 'a lost phone')
    expect(done).toMatchObject({ sessions: 1, grants: 1 })
    expect([await live(one), await live(other)]).toEqual([false, true])
    expect(await eventOf('session.revoked')).toEqual({ actor: 'system', reason: 'a lost phone' })
  }, 60_000)

  test('that leave what is offline say so of themselves before they end', async () => {
    const browser = new Browser()
    const { sid } = idsOf(await obtainTokens(server, SPA, { browser }))
    const offline = await obtainTokens(server, PARTNER, { browser, params: { prompt: 'consent' } })
    const revoke = async (...more: string[]) => {
      const args = ['sessions', 'revoke', '--id', sid, ...more, '--json']
      return JSON.parse((await cli(args, { LATCHKEY_SESSION_REVOCATION: 'keep_offline' })).out)
    }
    const expected = { sessions: 1, grants: 1, refresh_families: 1 }
    expect(await revoke('--dry-run')).toMatchObject(expected)
    expect(await revoke()).toMatchObject(expected)
    expect((await refresh(server, PARTNER, offline.tokens.body.refresh_token ?? '')).status).toBe(200)
  }, 60_000)

  test('more than fit into one transaction are ended by one call', async () => {
    const ids = idsOf(await signedIn(server.grace))
    await run(
      server.databaseUrl,
      `INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object('id', 'ses_many_' || n))).*
       FROM sessions s, generate_series(1, 1200) n WHERE s.id = $1`,
      [ids.sid],
    )
    const ended = await json('sessions', 'revoke', '--account', server.grace.username)
    expect(ended.sessions).toBeGreaterThan(1200)
    const left = await cli(['sessions', 'list', '--account', server.grace.username])
    expect(left.out).toBe('There are no such sessions.\n')
  }, 120_000)

  test.each([
    [['sessions', 'revoke'], 'say which: --id, or a filter'],
    [['sessions', 'revoke', '--id', 'ses_1', '--client', 'x'], '--id goes without a filter'],
    [['sessions', 'list', '--state', 'alive'], '--state: it takes live, ended, expired or any'],
    [['sessions', 'list', '--idle', 'long'], '--idle: it takes a length of time'],
    [['sessions', 'list', '--account', 'nobody@people.example'], 'there is no account nobody@people.example'],
    [['sessions', 'list', '--since', 'yesterday'], 'yesterday is no time'],
    [['sessions', 'list', '--since', '2026-11-31'], '2026-11-31 is no time'],
    [['sessions', 'list', '--since', '0000-01-01'], 'of the years 1970 to 9999'],
    [['sessions', 'list', '--ip', 'fe80::1%eth0'], 'an address, or a network'],
  ])('%j: says what is wrong', async (args, said) => {
    const { code, out, err } = await cli(args)
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(said)
  })
})

test('grants are listed, and ended by themselves', async () => {
  const one = await signedIn()
  const { grant, sid } = idsOf(one)
  const list = await json('grants', 'list', '--session', sid)
  expect(list).toMatchObject([{ id: grant, state: 'live' }])
  expect((await cli(['grants', 'list', '--session', sid])).out).toContain('notes:read')
  expect((await cli(['grants', 'revoke', '--session', sid, '--dry-run'])).out).toContain('Nothing was written.')
  expect(await json('grants', 'revoke', '--session', sid)).toMatchObject({ grants: 1, sessions: 0 })
  expect(await live(one)).toBe(false)
  expect((await refresh(server, SPA, one.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
}, 60_000)

describe('tokens', () => {
  test('come by standard input or a file, are explained without being shown, and ended', async () => {
    const one = await signedIn()
    const token = one.tokens.body.access_token ?? ''
    const { out } = await program(['tokens', 'inspect'], `Bearer ${token}\n`)
    expect(out).toMatch(/^access token: active\n {2}signature: good\n/)
    expect(out).toContain(`account: ${server.ada.username}`)
    expect(out).not.toContain(token.split('.')[2])
    const file = join(folder, 'token.txt')
    writeFileSync(file, token)
    expect((await cli(['tokens', 'revoke', '-f', file, '--dry-run'])).out).toContain('Would end this access token.')
    expect(await live(one)).toBe(true)
    expect((await cli(['tokens', 'revoke', '-f', file, '--reason', 'in a log'])).code).toBe(0)
    expect(await live(one)).toBe(false)
    expect((await cli(['tokens', 'inspect', '-f', file])).out).toContain('not active')
    const next = await refresh(server, SPA, one.tokens.body.refresh_token ?? '')
    expect(next.status).toBe(200)
    writeFileSync(file, next.body.refresh_token ?? '')
    expect((await cli(['tokens', 'revoke', '-f', file])).out).toContain('grants: 1')
    expect((await refresh(server, SPA, next.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  }, 60_000)

  test('are ended by what names them', async () => {
    const one = await signedIn()
    const { jti, sid } = idsOf(one)
    expect((await cli(['tokens', 'inspect', '--name', `sid=${sid}`])).out).toContain(`session: ${sid} (live)`)
    expect((await cli(['tokens', 'revoke', '--name', `jti=${jti}`])).code).toBe(0)
    expect(await live(one)).toBe(false)
    for (const [args, said] of [
      [['--name', 'sid=ses_of_nobody'], 'there is no sid ses_of_nobody'],
      [['--name', 'colour=red'], 'it takes KIND=VALUE'],
      [['--name', `jti=${jti}`, '--family'], '--family goes with a token'],
      [['--name', `jti=${one.tokens.body.refresh_token}`], 'this is no jti but a token, code, link or secret itself'],
      [['-f', join(folder, 'nowhere')], 'cannot be read'],
    ] as const)
      await expect(cli(['tokens', 'revoke', ...args])).resolves.toMatchObject({ code: 1, err: expect.stringContaining(said) })
    writeFileSync(join(folder, 'none.txt'), 'not a token')
    await expect(cli(['tokens', 'revoke', '-f', join(folder, 'none.txt')])).resolves.toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no such token of this server'),
    })
  }, 60_000)
})

test('accounts are found, shown, suspended and let in again', async () => {
  const one = await signedIn(server.grace)
  expect((await cli(['accounts', 'list', '--search', 'grace'])).out).toContain(server.grace.username)
  expect((await cli(['accounts', 'show', '--account', server.grace.username])).out).toContain('live sessions: ')
  expect((await cli(['accounts', 'suspend', '--account', server.grace.username, '--dry-run'])).out).toMatch(/sessions: [1-9]/)
  expect(await live(one)).toBe(true)
  expect(await json('accounts', 'suspend', '--account', server.grace.username, '--reason', 'left')).toMatchObject({ sessions: 1 })
  expect(await live(one)).toBe(false)
  expect(await eventOf('account.suspended')).toEqual({ actor: 'system', reason: 'left' })
  expect(await json('accounts', 'list', '--status', 'suspended')).toMatchObject([{ email: server.grace.username }])
  expect((await cli(['accounts', 'reinstate', '--account', server.grace.username])).out).toContain('can sign in again')
  expect((await cli(['accounts', 'unlock', '--account', server.grace.username])).out).toBe('Nothing was counted.\n')
  await expect(cli(['accounts', 'suspend'])).resolves.toMatchObject({
    code: 2,
    err: expect.stringContaining('--account WHO is missing'),
  })
}, 60_000)

test('a dry run is refused where the deed is', async () => {
  for (const [command, words] of [
    [['accounts', 'suspend', '--account', server.ada.username], 'this is the last owner who can sign in'],
    [['accounts', 'delete', '--account', server.ada.username], 'this is the last owner who can sign in'],
    [['clients', 'delete', '--client', WEB.client_id], 'is managed by the provision file'],
    [['tokens', 'revoke', '--name', `sub=${WEB.client_id}`], 'sub names an account'],
  ] as const) {
    const refused = { command, code: 1, out: '', err: expect.stringContaining(words) }
    expect({ command, ...(await cli([...command, '--dry-run'])) }).toEqual(refused)
    expect({ command, ...(await cli(command)) }).toEqual(refused)
  }
}, 60_000)

test('clients are found, shown, given another secret, suspended and let in again', async () => {
  const one = await signedIn(server.ada, WEB)
  expect((await cli(['clients', 'list', '--kind', 'web'])).out).toContain(WEB.client_id)
  const { out } = await cli(['clients', 'show', '--client', WEB.client_id])
  expect(out).toContain('live grants of')
  expect(out).not.toContain(WEB.client_secret)
  const rotated = await json('clients', 'rotate-secret', '--client', WEB.client_id, '--overlap', '1h', '--reason', 'due')
  const forever = await cli(['clients', 'rotate-secret', '--client', WEB.client_id, '--overlap', '31d'])
  expect([forever.code, forever.err]).toEqual([1, expect.stringContaining('2592000 seconds at most')])
  const both = await json('clients', 'show', '--client', WEB.client_id)
  expect(both.secrets.map(({ id }: { id: string }) => id)).toContain(rotated.id)
  expect(both.secrets).toHaveLength(2)
  expect(JSON.stringify(both)).not.toContain(rotated.client_secret)
  expect((await cli(['clients', 'suspend', '--client', WEB.client_id, '--dry-run'])).out).toMatch(/grants: [1-9]/)
  expect(await json('clients', 'suspend', '--client', WEB.client_id)).toMatchObject({ grants: expect.any(Number) })
  expect(await live(one)).toBe(false)
  // What it was given ended a moment ago: it is said from when on it gets tokens.
  const { out: again } = await cli(['clients', 'reinstate', '--client', WEB.client_id])
  expect(again).toContain('can be used again')
  const [from] = await run(
    server.databaseUrl,
    `SELECT max(before) + interval '1 second' AS at FROM revocations WHERE kind = 'client_id' AND value = $1`,
    [WEB.client_id],
  )
  expect(again).toMatch(new RegExp(`It gets tokens from ${from?.at.toISOString()} on, in \\d+ seconds?: `))
  expect((await cli(['clients', 'show', '--client', WEB.client_id])).out).toContain(
    `It gets tokens from ${from?.at.toISOString()} on`,
  )
  expect(await json('clients', 'show', '--client', WEB.client_id)).toMatchObject({ tokens_from: from?.at.toISOString() })
  const reinstated = await json('clients', 'reinstate', '--client', WEB.client_id)
  expect(reinstated).toMatchObject({ grants: 0, tokens_from: from?.at.toISOString() })
  // As it is when those seconds are over.
  await run(server.databaseUrl, "UPDATE revocations SET before = before - interval '1 minute' WHERE value = $1", [WEB.client_id])
  expect(await json('clients', 'reinstate', '--client', WEB.client_id)).toMatchObject({ tokens_from: null })
  expect((await cli(['clients', 'reinstate', '--client', WEB.client_id])).out).not.toContain('gets tokens')
  await expect(cli(['clients', 'show', '--client', 'nobody'])).resolves.toMatchObject({
    code: 1,
    err: 'latchkey clients show: there is no client nobody\n',
  })
}, 60_000)

describe('doctor', () => {
  test('says of each thing whether it is well', async () => {
    const { code, out } = await program(['doctor'])
    expect(code).toBe(0)
    for (const what of ['PostgreSQL', 'Redis', 'Migrations', 'Processes', 'Owners'])
      expect(out).toMatch(new RegExp(`^(ok|look) +${what} `, 'm'))
    expect(out).toContain('This is a server for test.')
  }, 60_000)

  test.each([
    [{ DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/none' }, 'PostgreSQL'],
    [{ REDIS_URL: 'redis://127.0.0.1:9' }, 'Redis'],
    [{ PORT: 'x' }, 'Settings'],
  ])(
    '%j: ends with 1 and says what to do',
    async (settings, what) => {
      const { code, out, err } = await cli(['doctor'], settings)
      expect([code, err]).toEqual([1, ''])
      expect(out).toMatch(new RegExp(`^WRONG +${what} `, 'm'))
      expect(out).toContain('→')
    },
    60_000,
  )
})

test('keys compromise: all that a key has signed ends, another one signs, and the running server follows', async () => {
  const ada = await signedIn()
  const { kid } = JSON.parse(Buffer.from(String(ada.tokens.body.access_token).split('.')[0] ?? '', 'base64url').toString())
  const refused = { code: 1, err: expect.stringMatching(/^latchkey keys compromise: there is no key \S+ in use\n$/) }
  const compromise = (...args: string[]) => cli(['keys', 'compromise', ...args])
  expect(await compromise('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--reason TEXT') })
  expect((await compromise()).code).toBe(2)
  expect(await compromise('--kid=nobody')).toMatchObject(refused)
  expect(await compromise(`--kid=${kid}`, '--dry-run')).toMatchObject({
    code: 0,
    out: `Would end: every token that ${kid} signed.\nNothing was written.\n`,
  })
  const foreign = { ENCRYPTION_KEY: 'q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJq80=' }
  expect(await cli(['keys', 'compromise', `--kid=${kid}`], foreign)).toMatchObject({
    code: 1,
    err: expect.stringContaining('ENCRYPTION_KEY is not the one that the servers have'),
  })
  expect(await live(ada)).toBe(true)

  const ended = await compromise(`--kid=${kid}`, '--reason', 'it was in a ticket')
  expect(ended).toMatchObject({ code: 0, err: '' })
  const entries = await run(server.databaseUrl, "SELECT value, sequence, before FROM revocations WHERE kind = 'kid'")
  expect(entries).toEqual([{ value: kid, sequence: expect.anything(), before: null }])
  const signs = "SELECT id FROM signing_keys WHERE alg = 'ES256' AND status = 'signing'"
  const [next] = await run(server.databaseUrl, signs)
  expect(ended.out).toContain(`Ended: every token that ${kid} signed. APIs are told by the revocation ${entries[0]?.sequence}.`)
  expect(ended.out).toContain(`signing     ES256  ${next?.id}`)
  expect(await live(ada)).toBe(false)
  const audited = "SELECT actor, reason, detail->>'kid' AS kid FROM audit_events WHERE name = 'signing_key.compromised'"
  expect(await run(server.databaseUrl, audited)).toEqual([{ actor: 'system', reason: 'it was in a ticket', kid }])
  expect(await compromise(`--kid=${kid}`)).toMatchObject(refused)
  const again = await json('keys', 'compromise', `--kid=${next?.id}`)
  const [last] = await run(server.databaseUrl, signs)
  expect(again).toMatchObject({ sequence: Number(entries[0]?.sequence) + 1, keys: [{ kid: last?.id, status: 'signing' }] })
  expect(last?.id).not.toBe(next?.id)
}, 60_000)

test('end sessions: everybody signs in again, and what depends on no session goes on', async () => {
  const ada = await signedIn()
  const offline = await obtainTokens(server, PARTNER, { params: { prompt: 'consent' } })
  const before = await json('end', 'sessions', '--dry-run')
  expect(before).toMatchObject({ dry_run: true, sessions: expect.any(Number) })
  expect(await live(ada)).toBe(true)
  const { code, out } = await cli(['end', 'sessions', '--reason', 'the cookie keys were in a ticket'])
  expect([code, out]).toEqual([0, expect.stringContaining(`sessions: ${before.sessions}\n`)])
  expect([await live(ada), await live(offline)]).toEqual([false, false])
  expect((await refresh(server, SPA, ada.tokens.body.refresh_token ?? '')).status).toBe(400)
  const next = await refresh(server, PARTNER, offline.tokens.body.refresh_token ?? '')
  expect(next.status).toBe(200)
  expect((await introspect(server, API, next.body.access_token ?? '')).active).toBe(true)
  const written = await run(server.databaseUrl, "SELECT actor, reason FROM audit_events WHERE name = 'every_session.ended'")
  expect(written).toEqual([{ actor: 'system', reason: 'the cookie keys were in a ticket' }])
})

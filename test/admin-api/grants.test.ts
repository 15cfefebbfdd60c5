// Grants by the admin API: looked for over the whole installation, looked at with all that hangs from them, and ended.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { API, NOTES, PARTNER, SPA, type TestClient, WEB } from '../support/clients.ts'
import { type LogoutApp, startLogoutApp, until } from '../support/logout-app.ts'
import { claimsOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, personToken, robotToken, startAdminServer, wholePreview } from './api.ts'

const CRM: TestClient = {
  client_id: 'crm',
  client_secret: 'a-secret-of-the-crm-app-that-is-long-enough',
  redirect_uri: 'https://crm.example/callback',
  scope: 'openid email notes:write',
}

const ARCHIVE: TestClient = {
  client_id: 'archive',
  client_secret: 'a-secret-of-the-archive-that-is-long-enough',
  redirect_uri: 'https://archive.example/callback',
  scope: 'openid offline_access notes:read',
}

let server: TestServer
let token: string
let app: LogoutApp

beforeAll(async () => {
  app = await startLogoutApp()
  const grant_types = ['authorization_code', 'refresh_token']
  const appOf = ({ redirect_uri, ...client }: TestClient) => ({
    ...client,
    skip_consent: true,
    redirect_uris: [redirect_uri],
    grant_types,
  })
  const clients = [{ ...appOf(CRM), backchannel_logout_uri: app.uri }, appOf(ARCHIVE)]
  server = await startAdminServer({ provision: { clients } })
  token = await robotToken(server)
})

afterAll(async () => {
  await server?.stop()
  await app?.stop()
})

const get = (path: string) => ask(server, token, `GET ${path}`)
const idsOf = (body: { items: { id: string }[] }) => body.items.map(({ id }) => id)

/** A grant of somebody to a client, with its tokens. */
async function grant(client: TestClient = SPA, person = server.grace, browser = new Browser(), params = {}) {
  const { tokens } = await obtainTokens(server, client, { browser, person, params })
  const claims = claimsOf(tokens.body.access_token)
  return { browser, tokens: tokens.body, id: String(claims.grant_id), sessionId: String(claims.sid), account: String(claims.sub) }
}

describe('the list', () => {
  test('shows who lets which app do what', async () => {
    const { id, sessionId, account } = await grant()
    const { status, body } = await get('/grants?account=grace@people.example')
    expect(status).toBe(200)
    expect(body.items[0]).toMatchObject({
      id,
      account: { id: account, email: 'grace@people.example', name: 'Grace Hopper' },
      client: { id: 'notes-spa', name: 'Notes' },
      session_id: sessionId,
      scopes: expect.arrayContaining(['openid', 'profile', 'email']),
      resources: { [NOTES]: ['notes:read', 'notes:write'] },
      live: true,
      state: 'live',
      ended_at: null,
      end_reason: null,
      refresh_families: [{ generation: 0, live: true }],
    })
    expect(JSON.stringify(body)).not.toContain('digest')
  })

  test('goes on where a page ended, in one order, without a gap or a double', async () => {
    for (let round = 0; round < 5; round += 1) await grant(SPA, server.ada)
    const all = idsOf((await get('/grants?limit=200')).body)
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await get(`/grants?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...idsOf(body))
      cursor = body.next_cursor
    }
    expect(seen).toEqual(all)
    expect(all.length).toBeGreaterThan(5)
  })

  test('is narrowed by each filter to what it says', async () => {
    const { id, sessionId } = await grant(WEB)
    const other = await grant(CRM)
    const found = async (query: string) => idsOf((await get(`/grants?${query}&limit=200`)).body)
    for (const query of [
      'client=notes-web',
      `session=${sessionId}`,
      'account=grace@people.example&client=notes-web',
      `client=notes-web&scope=notes:read&resource=${encodeURIComponent(NOTES)}`,
      'client=notes-web&scope=profile',
      'client=notes-web&active=true',
      'client=notes-web&state=live&since=2020-01-01T00:00:00Z',
    ]) {
      const ids = await found(query)
      expect({ query, has: ids.includes(id), hasOther: ids.includes(other.id) }).toEqual({ query, has: true, hasOther: false })
    }
    expect(await found('scope=notes:write&client=crm')).toEqual([other.id])
  })

  test.each([
    'scope=billing:read',
    'scope=notes',
    'scope=resource https://notes.example/api',
    'resource=https://billing.example/api',
    'session=ses_nobody',
    'client=nobody',
    'account=nobody@people.example',
    'account=acc_nobody',
    'state=expired',
    'since=2999-01-01T00:00:00Z',
    'before=2020-01-01T00:00:00Z',
    'idle=600',
  ])('is empty for %s', async (query) => {
    expect((await get(`/grants?${query}`)).body).toEqual({ items: [], next_cursor: null })
  })

  test.each([
    'active=yes',
    'active=true&state=live',
    'state=dead',
    'scope=',
    'scope=a&scope=b',
    'scope[$ne]=a',
    'idle=-1',
    'idle=soon',
    'since=yesterday',
    'since=0000-01-01T00:00:00Z',
    'before=0000-01-01T00:00:00Z',
    'limit=0',
    'cursor=AAAA',
    'filter=all',
    'account=%00',
    'scope=notes%00read',
  ])('AD6: refuses %s in words', async (query) => {
    const { status, body } = await get(`/grants?${query}`)
    expect(status).toBe(400)
    expect(body.detail.length).toBeGreaterThan(10)
    expect(body.detail).not.toMatch(/Invalid|expected string|SELECT|prisma/i)
  })

  test('AD6: what would end a statement is only text', async () => {
    for (const text of ["x'; DROP TABLE grants; --", '{}', '%', '$1', "']::text[] OR true --"]) {
      const query = new URLSearchParams({ scope: text, client: text, resource: text, session: text })
      expect((await get(`/grants?${query}`)).body).toEqual({ items: [], next_cursor: null })
    }
  })

  test('AD6: a cursor is good for its own list only', async () => {
    const { body } = await get('/grants?limit=1')
    for (const path of [`/grants?active=true&cursor=${body.next_cursor}`, `/sessions?cursor=${body.next_cursor}`]) {
      expect((await get(path)).body.type).toBe('urn:latchkey:problem:invalid-cursor')
    }
  })
})

describe('a grant', () => {
  test('is shown with its families and its session', async () => {
    const { id, sessionId, tokens } = await grant()
    await refresh(server, SPA, tokens.refresh_token ?? '')
    const { body } = await get(`/grants/${id}`)
    expect(body).toMatchObject({
      id,
      session: { id: sessionId, state: 'live', account: { email: 'grace@people.example' } },
      refresh_families: [{ generation: 1, session_bound: true, live: true }],
      revocations: [],
      logout_notifications: [],
      guards: [],
    })
    expect(Date.parse(body.access_tokens_until)).toBeGreaterThan(Date.now() + 800_000)
  })

  test('calls a family live exactly while it can be refreshed: not one whose session has run out, but one that outlives it', async () => {
    const bound = await grant()
    const offline = await grant(ARCHIVE, server.grace, new Browser(), { prompt: 'consent' })
    for (const { sessionId } of [bound, offline])
      await run(server.databaseUrl, `UPDATE sessions SET expires_at = latchkey_now() - interval '1 second' WHERE id = $1`, [
        sessionId,
      ])
    const families = async ({ id }: { id: string }) => (await get(`/grants/${id}`)).body.refresh_families
    expect(await families(bound)).toMatchObject([{ session_bound: true, live: false, ended_at: null }])
    expect(await families(offline)).toMatchObject([{ session_bound: false, live: true, ended_at: null }])
    expect((await refresh(server, SPA, bound.tokens.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect((await refresh(server, ARCHIVE, offline.tokens.refresh_token ?? '')).status).toBe(200)
  })

  test('ends with its tokens and no other, its app is told, and it says so afterwards', async () => {
    const browser = new Browser()
    const { id, sessionId, tokens } = await grant(CRM, server.grace, browser)
    const neighbour = await grant(SPA, server.grace, browser)
    server.latchkey.revocations.acknowledgements.note({ clientId: 'notes-api', instance: 'one', sequence: 0 })
    await server.latchkey.revocations.acknowledgements.write()
    const { status, body } = await ask(server, token, `DELETE /grants/${id}`, { body: { reason: 'not theirs any more' } })
    expect(status).toBe(200)
    expect(body).toMatchObject({ sessions: 0, grants: 1, refresh_families: 1, logout_notifications: 1 })
    expect((await refresh(server, CRM, tokens.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await introspect(server, API, tokens.access_token ?? '')).toEqual({ active: false })
    expect(await introspect(server, API, neighbour.tokens.access_token ?? '')).toMatchObject({ active: true })
    await until(async () => app.received.length > 0)
    const after = (await get(`/grants/${id}`)).body
    expect(after).toMatchObject({
      state: 'ended',
      live: false,
      end_reason: 'grant_revoked',
      session: { id: sessionId, state: 'live' },
      revocations: [{ kind: 'grant_id', value: id, sequence: body.sequence }],
      logout_notifications: [{ client_id: 'crm', grant_id: id, session_id: sessionId }],
      guards: [{ client_id: 'notes-api', instance: 'one', applied: false }],
    })
    const audit = await run(
      server.databaseUrl,
      `SELECT actor, reason, session_id FROM audit_events WHERE grant_id = $1 AND name = 'grant.revoked'`,
      [id],
    )
    expect(audit).toEqual([{ actor: 'robot', reason: 'not theirs any more', session_id: sessionId }])
    // Again: there is nothing left to end, and nothing is written down.
    expect((await ask(server, token, `DELETE /grants/${id}`)).body).toMatchObject({ grants: 0, logout_notifications: 0 })
  })

  test('fifty who end it at once end it once', async () => {
    const { id } = await grant()
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(server, token, `DELETE /grants/${id}`)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(answers.reduce((sum, { body }) => sum + body.grants, 0)).toBe(1)
    const audit = await run(
      server.databaseUrl,
      `SELECT count(*)::int AS n FROM audit_events WHERE grant_id = $1 AND name = 'grant.revoked'`,
      [id],
    )
    expect(audit).toEqual([{ n: 1 }])
  })

  test('of a client that was suspended is ended, though its own row does not say so yet', async () => {
    const { id } = await grant(PARTNER)
    await server.latchkey.nouns.events.clients.suspend('partner', { actor: 'system' })
    expect((await get(`/grants/${id}`)).body).toMatchObject({ live: false, state: 'ended', end_reason: 'client_ended' })
    expect((await get('/grants?client=partner&active=true')).body.items).toEqual([])
    expect(idsOf((await get('/grants?client=partner&state=ended')).body)).toContain(id)
    const ids = { body: { ids: [id], dry_run: true } }
    expect((await ask(server, token, 'POST /grants/revocations', ids)).body).toMatchObject({ grants: 0 })
    expect((await ask(server, token, `DELETE /grants/${id}`)).body).toMatchObject({ grants: 0 })
    await server.latchkey.nouns.events.clients.reinstate('partner', { actor: 'system' })
    expect((await get(`/grants/${id}`)).body.live).toBe(false)
  })

  test.each(['GET', 'DELETE'])('AD2: %s of one that is not there is 404', async (method) => {
    for (const id of ['gra_nobody', 'ses_x', '%27', '%00']) {
      const { status } = await ask(server, token, `${method} /grants/${id}`)
      expect([400, 404]).toContain(status)
    }
    expect((await ask(server, token, `${method} /grants/gra_nobody`)).body.type).toBe('urn:latchkey:problem:not-found')
  })
})

describe('many at once', () => {
  const revoke = (body: unknown) => ask(server, token, 'POST /grants/revocations', { body })

  test('a preview says what would end and who is told, and ends nothing', async () => {
    const { id } = await grant(CRM)
    const { body } = await revoke({ filter: { client: 'crm', account: 'grace@people.example' }, dry_run: true })
    expect(body).toMatchObject({ dry_run: true, accounts: 1, more: false, people: [{ email: 'grace@people.example' }] })
    expect(body.clients).toEqual([{ id: 'crm', name: 'crm', grants: body.grants }])
    expect(body.logout_notifications).toBe(body.grants)
    expect((await get(`/grants/${id}`)).body.live).toBe(true)
    expect((await revoke({ filter: { client: 'crm', account: 'grace@people.example' } })).body).toMatchObject({
      grants: body.grants,
      refresh_families: body.refresh_families,
      logout_notifications: body.logout_notifications,
    })
  })

  test('by ids, of which some are over or never were', async () => {
    const one = await grant()
    const two = await grant()
    const ids = [one.id, two.id, one.id, 'gra_nobody']
    expect((await revoke({ ids, dry_run: true })).body.grants).toBe(2)
    expect((await revoke({ ids, reason: 'both' })).body).toMatchObject({ grants: 2, sessions: 0 })
    expect((await revoke({ ids })).body).toMatchObject({ grants: 0 })
  })

  test('by ids, of which some ran out: those are neither counted nor told of, what still hung from them is, as the dry run said', async () => {
    const live = await grant(CRM)
    const gone = await grant(CRM)
    const over = await grant(ARCHIVE, server.grace, new Browser(), { prompt: 'consent' })
    const past = "latchkey_now() - interval '1 second'"
    await run(server.databaseUrl, `UPDATE grants SET expires_at = ${past} WHERE id = $1`, [gone.id])
    // It was closed with its session, and its last code then began a family that depends on none.
    await run(server.databaseUrl, `UPDATE grants SET closes_at = ${past} WHERE id = $1`, [over.id])
    const ids = [live.id, gone.id, over.id]
    const { body: dry } = await revoke({ ids, dry_run: true })
    const { body: deed } = await revoke({ ids, reason: 'some are over' })
    const countsOf = ({ grants, refresh_families, logout_notifications }: typeof dry) => {
      return { grants, refresh_families, logout_notifications }
    }
    expect(countsOf(deed)).toEqual({ grants: 1, refresh_families: 2, logout_notifications: 1 })
    expect(countsOf(dry)).toEqual(countsOf(deed))
    const revoked = () =>
      run(server.databaseUrl, "SELECT grant_id FROM audit_events WHERE grant_id = ANY($1) AND name = 'grant.revoked'", [ids])
    expect((await revoked()).map(({ grant_id }) => grant_id).toSorted()).toEqual([live.id, over.id].toSorted())
    expect((await refresh(server, ARCHIVE, over.tokens.refresh_token ?? '')).body.error).toBe('invalid_grant')

    // Nothing of any is left.
    for (const id of ids) {
      const { body } = await ask(server, token, `DELETE /grants/${id}`)
      expect(countsOf(body)).toEqual({ grants: 0, refresh_families: 0, logout_notifications: 0 })
    }
    expect(await revoked()).toHaveLength(2)
  })

  test('a filter that asks for what is over ends nothing of what is live', async () => {
    const { id } = await grant()
    for (const filter of [{ state: 'ended' }, { state: 'expired' }, { active: false }]) {
      expect((await revoke({ filter, dry_run: true })).body.grants).toBe(0)
      expect((await revoke({ filter })).body.grants).toBe(0)
    }
    expect((await get(`/grants/${id}`)).body.live).toBe(true)
  })

  test('AD8: what is much goes on as a job, with an audit event for each', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO grants (id, account_id, client_id, payload, expires_at)
       SELECT 'gra_many_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), 'notes-web',
         '{"openid":{"scope":"openid many"}}', latchkey_now() + interval '1 hour' FROM generate_series(1, 700) n`,
    )
    const preview = await wholePreview(() => revoke({ filter: { scope: 'many' }, dry_run: true }))
    expect(preview).toMatchObject({ grants: 700, accounts: 1 })
    const { status, body, headers } = await revoke({ filter: { scope: 'many' }, reason: 'a scope that is no more' })
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`/admin/api/v1/revocation-jobs/${body.job.id}`)
    const job = await finished(body.job.id)
    expect(job).toMatchObject({ noun: 'grants', total: 700, left: 0, ended: { grants: 700, sessions: 0 }, actor: 'robot' })
    expect((await get('/grants?scope=many&active=true')).body.items).toEqual([])
    const events = await run(
      server.databaseUrl,
      `SELECT count(*)::int AS n, count(DISTINCT grant_id)::int AS grants FROM audit_events
       WHERE name = 'grant.revoked' AND reason = 'a scope that is no more'`,
    )
    expect(events).toEqual([{ n: 700, grants: 700 }])
  })

  test('a job is looked at by whoever began it, with the scope that this took, and by no other without the scope to look', async () => {
    const own = await robotToken(server, 'grants:revoke')
    const begin = (by: string) =>
      ask(server, by, 'POST /grants/revocations', { body: { filter: { scope: 'nobody-has-it', since: '2020-01-01T00:00:00Z' } } })
    const grants = (n: string) =>
      run(
        server.databaseUrl,
        `INSERT INTO grants (id, account_id, client_id, payload, expires_at)
         SELECT 'gra_own_${n}_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), 'notes-web',
           '{"openid":{"scope":"openid nobody-has-it"}}', latchkey_now() + interval '1 hour' FROM generate_series(1, 300) n`,
      )
    await grants('robot')
    const { body: begun } = await begin(own)
    const at = (id: string, by: string) => ask(server, by, `GET /revocation-jobs/${id}`)
    expect(await at(begun.job.id, own)).toMatchObject({ status: 200, body: { id: begun.job.id, actor: 'robot' } })
    await finished(begun.job.id)
    await grants('person')
    const { body: other } = await begin(await personToken(server, 'operator'))
    // Whether there is such a job is not for them to know.
    for (const id of [other.job.id, 'job_none']) {
      const refused = await at(id, own)
      expect([refused.status, refused.body.type]).toEqual([403, 'urn:latchkey:problem:insufficient-scope'])
    }
    const sees = async (who: string) => [
      (await at(other.job.id, who)).status,
      (await ask(server, who, 'GET /revocation-jobs')).body.items?.some(({ id }: { id: string }) => id === other.job.id),
    ]
    expect(await sees(await robotToken(server, 'sessions:read grants:read'))).toEqual([200, true])
    expect(await sees(await personToken(server, 'auditor'))).toEqual([200, true])
    // It is about grants, and says who ended which, and why.
    expect(await sees(await robotToken(server, 'sessions:read'))).toEqual([403, false])
    expect(await sees(await personToken(server, 'helpdesk'))).toEqual([403, undefined])
    expect((await ask(server, own, 'GET /revocation-jobs')).status).toBe(403)
  })

  test('jobs are listed a page at a time, the latest first, and each caller’s pages are of what they may see', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO revocation_jobs (id, noun, filter, actor, created_at, finished_at)
       SELECT 'job_old_' || n, CASE WHEN n % 2 = 0 THEN 'grants' ELSE 'sessions' END, '{}', 'robot', at, at
       FROM generate_series(1, 7) n, LATERAL (SELECT latchkey_now() - make_interval(days => 2, secs => (n + 1) / 3) AS at) moment`,
    )
    const listed = async (who: string, limit: number) => {
      const ids: string[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page = await ask(server, who, `GET /revocation-jobs?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`)
        expect([page.status, page.body.detail]).toEqual([200, undefined])
        if (page.body.next_cursor !== null) expect(page.body.items).toHaveLength(limit)
        ids.push(...page.body.items.map(({ id }: { id: string }) => id))
        cursor = page.body.next_cursor
      }
      return ids
    }
    const all = await listed(token, 200)
    expect(all.filter((id) => id.startsWith('job_old_'))).toHaveLength(7)
    expect(await listed(token, 3)).toEqual(all)
    const sessionsOnly = await robotToken(server, 'sessions:read')
    const ofSessions = await listed(sessionsOnly, 2)
    expect(ofSessions.filter((id) => id.startsWith('job_old_')).toSorted()).toEqual([
      'job_old_1',
      'job_old_3',
      'job_old_5',
      'job_old_7',
    ])
    // A cursor of what one may see is none of what another may.
    const { next_cursor: cursor } = (await get('/revocation-jobs?limit=1')).body
    const other = await ask(server, sessionsOnly, `GET /revocation-jobs?limit=1&cursor=${cursor}`)
    expect(other.body.type).toBe('urn:latchkey:problem:invalid-cursor')
    await run(server.databaseUrl, "DELETE FROM revocation_jobs WHERE id LIKE 'job_old_%'")
  })

  async function finished(id: string) {
    for (let tries = 0; tries < 400; tries += 1) {
      const { body } = await get(`/revocation-jobs/${id}`)
      if (body.state === 'done') return body
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('the job was not done')
  }

  test.each([
    [{}, 'either ids or a filter'],
    [{ filter: {} }, 'say something'],
    [{ filter: { account: { contains: 'a' } } }, 'text'],
    [{ filter: { scope: ['a'] } }, 'text'],
    [{ filter: { active: 'true' } }, 'true or false'],
    [{ filter: { idle: '600' } }, 'whole number'],
    [{ filter: { more_than: 1 } }, 'more_than'],
    [{ ids: ['a'], roles: ['owner'] }, 'roles'],
    [{ ids: [{ id: 'a' }] }, 'ids'],
    [{ ids: ['a\u0000'] }, 'ids'],
    [{ ids: ['a'], reason: 'x\ud800' }, 'reason'],
  ])('AD3, AD6: %j is refused in words', async (body, words) => {
    const answer = await revoke(body)
    expect(answer.status).toBe(400)
    expect(answer.body.detail).toContain(words)
    expect(answer.body.detail).not.toMatch(/Invalid input|expected/i)
  })
})

test('idle grants are those that were not refreshed for so long', async () => {
  const still = await grant(WEB, server.ada)
  const used = await grant(WEB, server.ada)
  await server.advance(7000)
  const { body } = await refresh(server, WEB, used.tokens.refresh_token ?? '')
  expect(body.refresh_token).toBeDefined()
  // The robot's own token has expired meanwhile.
  token = await robotToken(server)
  const idle = idsOf((await get('/grants?account=ada@people.example&client=notes-web&idle=3600')).body)
  expect([idle.includes(still.id), idle.includes(used.id)]).toEqual([true, false])
})

test('AU1: an end by a filter that no grant meets begins no job, and what was pasted there is not kept', async () => {
  const pasted = 'ct_pasted-in-the-place-of-a-name-which-is-long-enough'
  for (const filter of [
    { client: pasted, idle: 60 },
    { scope: pasted, idle: 60 },
  ]) {
    const { status, body } = await ask(server, token, 'POST /grants/revocations', { body: { filter } })
    expect([status, body.grants]).toEqual([200, 0])
  }
  const kept = `SELECT (SELECT count(*) FROM audit_events e WHERE strpos(e::text, $1) > 0)
    + (SELECT count(*) FROM revocation_jobs j WHERE strpos(j::text, $1) > 0) AS n`
  expect(await run(server.databaseUrl, kept, [pasted])).toEqual([{ n: '0' }])
})

test('of thousands that are in use, the few that are idle are found a stretch at a time, and end by a job', async () => {
  await run(
    server.databaseUrl,
    `WITH made AS (
       INSERT INTO grants (id, account_id, client_id, payload, created_at, expires_at)
       SELECT 'gra_used_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), 'notes-web',
         '{"openid":{"scope":"openid used"}}', latchkey_now() - interval '1 day' - n * interval '1 second', latchkey_now() + interval '1 day'
       FROM generate_series(1, 5200) n RETURNING id, account_id, client_id, created_at)
     INSERT INTO refresh_families (id, current_digest, grant_id, account_id, client_id, session_bound, payload, created_at, generation,
       rotated_at, idle_expires_at, absolute_expires_at)
     SELECT decode(md5(id), 'hex'), '\\x00', id, account_id, client_id, false, '{}', created_at, 1,
       CASE WHEN id = 'gra_used_5150' THEN created_at ELSE latchkey_now() END, latchkey_now() + interval '1 day',
       latchkey_now() + interval '1 day' FROM made`,
  )
  const query = '/grants?scope=used&idle=36000'
  const first = (await get(query)).body
  expect([first.items, typeof first.next_cursor]).toEqual([[], 'string'])
  const second = (await get(`${query}&cursor=${first.next_cursor}`)).body
  expect([idsOf(second), second.next_cursor]).toEqual([['gra_used_5150'], null])
  const bulk = (body: object) =>
    ask(server, token, 'POST /grants/revocations', { body: { filter: { scope: 'used', idle: 36_000 }, ...body } })
  expect(await wholePreview(() => bulk({ dry_run: true }))).toMatchObject({ grants: 1, more: false, refresh_families: 1 })
  const { status, body } = await bulk({})
  expect([status, body.job.noun]).toEqual([202, 'grants'])
  for (let tries = 0; (await get(`/revocation-jobs/${body.job.id}`)).body.state !== 'done'; tries += 1) {
    expect(tries).toBeLessThan(400)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect((await get(`/revocation-jobs/${body.job.id}`)).body).toMatchObject({ total: 1, ended: { grants: 1 } })
  expect((await get('/grants/gra_used_5150')).body.state).toBe('ended')
})

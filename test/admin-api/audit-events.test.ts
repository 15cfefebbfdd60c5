// The audit log by the admin API: looked through, narrowed down, listened to, and taken home as a file.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { SPA } from '../support/clients.ts'
import { claimsOf, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, PASSWORD, type Person, personToken, ROBOT, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
})

afterAll(() => server?.stop())

interface Shown {
  readonly id: string
  readonly name: string
  readonly [member: string]: unknown
}

const get = (path: string, by = token) => ask(server, by, `GET ${path.replaceAll(' ', '%20')}`)
const items = async (query: string): Promise<Shown[]> => (await get(`/audit-events?${query}`)).body.items

/** Seals what there is, though the server itself may be at it. */
async function seal(): Promise<void> {
  const rest = 'SELECT FROM audit_events WHERE id > (SELECT COALESCE(max(last_id), 0) FROM audit_seals) LIMIT 1'
  for (let tries = 0; tries < 200; tries += 1) {
    await server.latchkey.audit.sealer.run()
    if ((await run(server.databaseUrl, rest)).length === 0) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error('there are events without a seal')
}

/** A session of Grace's, which is ended for a reason. */
async function revokeGrace(reason: string) {
  const { tokens } = await obtainTokens(server, SPA, { browser: new Browser(), person: server.grace })
  const id = String(claimsOf(tokens.body.access_token).sid)
  const { headers } = await ask(server, token, `DELETE /sessions/${id}`, { body: { reason } })
  return { id, requestId: headers.get('x-request-id') ?? '' }
}

async function fill(count: number, more = ''): Promise<void> {
  await run(
    server.databaseUrl,
    `INSERT INTO audit_events (name, actor, address, detail, reason)
     SELECT 'session.expired', 'system', ('198.51.100.' || n % 250)::inet, jsonb_build_object('n', n), $2 FROM generate_series(1, $1::int) AS n`,
    [count, more === '' ? null : more],
  )
}

describe('the list', () => {
  test('says who did what, on whom, from where, why, and in which request', async () => {
    const { id, requestId } = await revokeGrace('lost phone')
    const [event] = await items(`session=${id}&name=session.revoked`)
    const grace = await server.latchkey.nouns.accounts.findByEmail('grace@people.example')
    expect(event).toEqual({
      id: expect.stringMatching(/^\d+$/),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      name: 'session.revoked',
      outcome: 'succeeded',
      actor: ROBOT.client_id,
      account_id: grace?.id,
      client_id: null,
      session_id: id,
      grant_id: null,
      address: '127.0.0.1',
      user_agent: expect.any(String),
      request_id: requestId,
      reason: 'lost phone',
      detail: {},
    })
    const { status, body } = await get(`/audit-events/${event?.id}`)
    expect([status, body.id]).toEqual([200, event?.id])
    await seal()
    expect((await get(`/audit-events/${event?.id}`)).body.seal).toBeGreaterThan(0)
  })

  test('goes on where a page ended, in one order, without a gap or a double', async () => {
    await fill(7)
    const all = (await items('limit=200')).map(({ id }) => id)
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null && seen.length < 60; ) {
      const { body } = await get(`/audit-events?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...body.items.map(({ id }: Shown) => id))
      cursor = body.next_cursor
    }
    expect(seen.slice(0, 60)).toEqual(all.slice(0, seen.slice(0, 60).length))
    expect(all).toEqual([...all].sort((one, other) => Number(other) - Number(one)))
  })

  test('is narrowed by everything that an event has', async () => {
    const { id, requestId } = await revokeGrace('INC-4711 stolen')
    const wanted: [string, (event: Shown) => boolean][] = [
      ['name=session.revoked', ({ name }) => name === 'session.revoked'],
      ['name=session.*', ({ name }) => name.startsWith('session.')],
      ['name=sign_in.succeeded,session.started', ({ name }) => ['sign_in.succeeded', 'session.started'].includes(name)],
      ['outcome=succeeded', ({ outcome }) => outcome === 'succeeded'],
      [`session=${id}`, ({ session_id }) => session_id === id],
      [`actor=${ROBOT.client_id}`, ({ actor }) => actor === ROBOT.client_id],
      ['actor=grace@people.example', ({ actor, account_id }) => actor === account_id],
      ['account=grace@people.example', ({ account_id }) => account_id !== null],
      ['account=grace@people.example&name=session.revoked', ({ name }) => name === 'session.revoked'],
      [`client=${SPA.client_id}`, ({ client_id }) => client_id === SPA.client_id],
      [`request_id=${requestId}`, ({ request_id }) => request_id === requestId],
      ['ip=127.0.0.1', ({ address }) => address === '127.0.0.1'],
      ['ip=127.0.0.0/8', ({ address }) => String(address).startsWith('127.')],
      ['reason=INC-4711', ({ reason }) => String(reason).startsWith('INC-4711')],
      ['since=2020-01-01T00:00:00Z', () => true],
      [`before=${new Date(Date.now() + 60_000).toISOString()}`, () => true],
    ]
    for (const [query, expected] of wanted) {
      const found = await items(`${query}&limit=200`)
      expect({ query, found: found.length > 0, right: found.every(expected) }).toEqual({ query, found: true, right: true })
    }
  })

  test.each([
    'name=session.expired&session=ses_nobody',
    'name=sign_in.*&outcome=failed&actor=system',
    'ip=10.0.0.0/8',
    'ip=::/0',
    'client=nobody',
    'actor=acc_nobody',
    'account=acc_nobody',
    'account=nobody@people.example',
    'grant=gra_nobody',
    'request_id=nobody',
    'reason=%25',
    'reason=%5C',
    'since=2999-01-01T00:00:00Z',
    'before=2020-01-01T00:00:00Z',
  ])('is empty for %s', async (query) => {
    expect((await get(`/audit-events?${query}`)).body).toEqual({ items: [], next_cursor: null })
  })

  test('since and before are exact to the millisecond, also when the clock of the database was moved', async () => {
    await fill(1, 'at the border')
    const [event] = await items('reason=at the border')
    const at = String(event?.at)
    const later = new Date(Date.parse(at) + 1).toISOString()
    expect(await items(`reason=at the border&since=${at}`)).toHaveLength(1)
    expect(await items(`reason=at the border&since=${later}`)).toHaveLength(0)
    expect(await items(`reason=at the border&before=${at}`)).toHaveLength(0)
    expect(await items(`reason=at the border&before=${later}`)).toHaveLength(1)
  })

  test('a deleted account’s events are found by its id', async () => {
    await run(server.databaseUrl, "INSERT INTO audit_events (name, account_id) VALUES ('account.deleted', 'acc_gone')")
    expect(await items('account=acc_gone')).toHaveLength(1)
  })

  test.each([
    'name=nothing.happened',
    'name=session.revoked,',
    'name=*',
    'name=%00',
    'outcome=maybe',
    'ip=10.1',
    'ip=10.0.0.0/33',
    "ip=127.0.0.1'--",
    'actor=%00',
    'client=a%00b',
    'reason=%00',
    `reason=${'x'.repeat(101)}`,
    `actor=${'x'.repeat(301)}`,
    'actor=',
    'limit=0',
    'limit=201',
    'ip=fe80::1%25eth0',
    'since=yesterday',
    'since=0000-01-01T00:00:00Z',
    'before=0000-01-01T00:00:00Z',
    'since=2026-11-26',
    'account[contains]=a',
    'name[]=session.revoked',
    'actor=a&actor=b',
    'filter=all',
    '__proto__=1',
    'cursor=AAAA',
    'sort=name',
  ])('AD6: refuses %s in words', async (query) => {
    const { status, body, headers } = await get(`/audit-events?${query}`)
    expect(status).toBe(400)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(body.detail.length).toBeGreaterThan(10)
    expect(body.detail).not.toMatch(/Invalid|expected string|SELECT|prisma/i)
  })

  test.each(["actor='; DROP TABLE audit_events; --", 'client=" OR 1=1', 'reason=%\\_\'"', 'session={{7*7}}', 'request_id=😀'])(
    'AD6: %s is text and nothing else',
    async (query) => {
      expect((await get(`/audit-events?${encodeURI(query)}`)).status).toBe(200)
      expect((await items('limit=1')).length).toBe(1)
    },
  )

  test('AD6: a cursor of another filter is refused', async () => {
    await fill(3)
    const { body } = await get('/audit-events?limit=1&name=session.expired')
    const { status, body: refused } = await get(`/audit-events?limit=1&cursor=${body.next_cursor}`)
    expect([status, refused.type]).toEqual([400, 'urn:latchkey:problem:invalid-cursor'])
  })
})

describe('what is looked for among many', () => {
  /** The ids that a filter finds, on all pages, and those that the table has. */
  async function compare(query: string, where: string) {
    const found: string[] = []
    let refused = 0
    for (let cursor = ''; ; ) {
      const { status, body } = await get(`/audit-events?limit=100&${query}${cursor}`)
      // A busy machine may have no time for one; whoever is told so asks again.
      if (status === 503 && refused < 3) {
        refused += 1
        continue
      }
      expect({ query, status }).toEqual({ query, status: 200 })
      found.push(...body.items.map(({ id }: Shown) => id))
      if (body.next_cursor === null || found.length >= 300) break
      cursor = `&cursor=${body.next_cursor}`
    }
    const there = await run(server.databaseUrl, `SELECT id FROM audit_events WHERE ${where} ORDER BY id DESC LIMIT 300`)
    expect(found.slice(0, 300)).toEqual(there.map(({ id }) => String(id)))
    return found.length
  }

  test('a network that few events have, and one that very many have', async () => {
    const write = (count: number, address: string) =>
      run(
        server.databaseUrl,
        `INSERT INTO audit_events (name, actor, address)
         SELECT CASE WHEN n % 40 = 0 THEN 'grant.revoked' ELSE 'session.expired' END, 'system', $2::inet + n % 200 FROM generate_series(1, $1::int) n`,
        [count, address],
      )
    await write(250, '203.0.113.0')
    // What comes in great numbers comes before PostgreSQL has statistics of it.
    await run(server.databaseUrl, 'ANALYZE audit_events')
    await write(50_010, '198.18.0.0')
    await write(20, '203.0.113.0')
    expect(await compare('ip=203.0.113.0/24', "address << '203.0.113.0/24'")).toBe(270)
    await compare('ip=198.18.0.0/15', "address << '198.18.0.0/15'")
    await compare('ip=198.18.0.0/15&name=grant.revoked', "address << '198.18.0.0/15' AND name = 'grant.revoked'")
    await compare('ip=203.0.113.0/24&name=grant.*', "address << '203.0.113.0/24' AND name = 'grant.revoked'")
    await compare('ip=198.18.0.7', "address = '198.18.0.7'")
    const { body } = await get('/audit-events/facets?ip=198.18.0.0/15&name=grant.revoked')
    expect(body).toMatchObject({ counted: 1250, more: true })
    expect((await get('/audit-events/facets?ip=203.0.113.0/24')).body).toMatchObject({ counted: 270, more: false })
  })

  test('a network of which very many events are old', async () => {
    const write = (count: number, address: string) =>
      run(
        server.databaseUrl,
        `INSERT INTO audit_events (name, actor, address)
         SELECT CASE WHEN n % 40 = 0 THEN 'grant.revoked' WHEN n % 7 = 0 THEN 'session.revoked' ELSE 'session.expired' END, 'system',
           (${address})::inet FROM generate_series(1, $1::int) n, LATERAL (SELECT n * 7919 % 600 AS k) k`,
        [count],
      )
    const old = "'198.51.' || k / 256 || '.' || k % 256"
    await run(server.databaseUrl, 'ANALYZE audit_events')
    await write(50_010, old)
    await write(50_010, "'2001:db8:' || to_hex(k) || '::1'")
    await write(60_000, "'192.0.2.1'")
    // One that came lately belongs to the page all the same.
    await write(1, old)
    await write(50_010, "'192.0.2.1'")
    for (const network of ['198.51.0.0/24', '198.48.0.0/12', '2001:db8::/32']) {
      const isInside = `address << '${network}'`
      expect(await compare(`ip=${network}`, isInside)).toBe(300)
      const two = `${isInside} AND name IN ('grant.revoked', 'session.revoked')`
      expect(await compare(`ip=${network}&name=grant.revoked,session.revoked`, two)).toBe(300)
      await compare(`ip=${network}&outcome=failed`, `false`)
      expect((await get(`/audit-events?ip=${network}&before=2020-01-01T00:00:00Z`)).body.items).toEqual([])
    }
  })

  test('a reason of a few words, and one that begins in many ways', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO audit_events (name, actor, reason)
       SELECT 'session.revoked', 'system', CASE WHEN n % 2 = 0 THEN 'ticket_' || n % 70 ELSE 'lost, ' || n % 3 END FROM generate_series(1, 200) n`,
    )
    expect(await compare('reason=lost', "reason LIKE 'lost%'")).toBeGreaterThanOrEqual(100)
    expect(await compare('reason=ticket_', "reason LIKE 'ticket\\_%'")).toBe(100)
    await compare('reason=ticket_4', "reason LIKE 'ticket\\_4%'")
    expect(await compare('reason=nothing+like+it', 'false')).toBe(0)
    expect((await get('/audit-events/facets?reason=lost, ')).body.facets.reason).toHaveLength(3)
  })
})

describe('one event', () => {
  test.each(['0', '99999999999', 'abc', '-1', '1.5', '9'.repeat(30), 'ses_x'])('AD2: %s is not there', async (id) => {
    expect((await get(`/audit-events/${id}`)).status).toBe(404)
  })

  test('AD6: what nobody can store is no id', async () => {
    expect((await get('/audit-events/%00')).status).toBe(400)
  })
})

describe('facets', () => {
  test('count the latest of what is meant, the most frequent first', async () => {
    await fill(40, 'for facets')
    const { status, body } = await get('/audit-events/facets?reason=for facets')
    expect(status).toBe(200)
    expect(body).toMatchObject({ counted: 40, more: false })
    expect(body.facets.name).toEqual([{ value: 'session.expired', count: 40 }])
    expect(body.facets.outcome).toEqual([{ value: 'succeeded', count: 40 }])
    expect(body.facets.actor).toEqual([{ value: 'system', count: 40 }])
    expect(body.facets.address).toHaveLength(12)
    expect(body.facets.client).toEqual([])
    expect((await get('/audit-events/facets?account=nobody@people.example')).body).toMatchObject({ counted: 0, more: false })
    expect((await get('/audit-events/facets?limit=3')).status).toBe(400)
  })

  test('say when there are more', async () => {
    await fill(5100, 'many')
    expect((await get('/audit-events/facets?reason=many')).body).toMatchObject({ counted: 5000, more: true })
    expect((await get('/audit-events/facets?name=session.*')).body).toMatchObject({ counted: 5000, more: true })
  })
})

describe('the head of the chain', () => {
  test('is its last seal', async () => {
    await fill(1)
    await seal()
    const { body } = await get('/audit-events/head')
    const [row] = await run(
      server.databaseUrl,
      "SELECT max(number) || '-' || (SELECT encode(digest, 'hex') FROM audit_seals ORDER BY number DESC LIMIT 1) AS head FROM audit_seals",
    )
    expect(body).toEqual({ head: row?.head })
  })
})

describe('an export', () => {
  const file = async (query: string, by = token) => {
    const response = await fetch(`${server.issuer}/admin/api/v1/audit-events/export?${query}`, {
      headers: { authorization: `Bearer ${by}` },
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  test('as NDJSON has every event that is meant, as the list has it, the earliest first', async () => {
    await fill(2500, 'to be exported')
    const { status, headers, text } = await file('format=ndjson&reason=to be exported')
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
    expect(headers.get('content-disposition')).toBe('attachment; filename="audit-events.ndjson"')
    const events: Shown[] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.map(({ detail }) => (detail as { n: number }).n)).toEqual(Array.from({ length: 2500 }, (_, index) => index + 1))
    expect(events.at(-1)).toEqual((await items('reason=to be exported&limit=1'))[0])
  })

  test('as CSV is made of quoted cells, and none that a spreadsheet would run', async () => {
    const detail = { text: '=cmd|calc', quotes: 'a "b", c' }
    const reasons = ['=HYPERLINK("https://evil.example")', '+1+1', '-1', '@SUM(A1)', 'plain', 'with "quotes", and a comma']
    for (const reason of reasons) {
      const sql =
        "INSERT INTO audit_events (name, actor, client_id, reason, detail) VALUES ('client.updated', '=1+1', 'csv', $1, $2)"
      await run(server.databaseUrl, sql, [reason, detail])
    }
    const { headers, text } = await file('format=csv&client=csv')
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8')
    const [head, ...lines] = text.trimEnd().split('\r\n')
    expect(head).toBe(
      'id,at,name,outcome,actor,account_id,client_id,session_id,grant_id,address,user_agent,request_id,reason,detail',
    )
    expect(lines.map((line) => line.split(',').slice(2, 7).join(','))).toEqual(
      reasons.map(() => "client.updated,succeeded,'=1+1,,csv"),
    )
    expect(text).toContain(`,"'=HYPERLINK(""https://evil.example"")","{`)
    for (const cell of ["'+1+1", "'-1", "'@SUM(A1)", 'plain', '"with ""quotes"", and a comma"'])
      expect(text).toContain(`,${cell},"{`)
    expect(text).not.toMatch(/(^|,)"?[=+@-]/m)
  })

  test('in the words of the Elastic Common Schema', async () => {
    const { id } = await revokeGrace('for Elastic')
    const { text } = await file(`format=ecs&session=${id}&name=session.revoked`)
    const grace = await server.latchkey.nouns.accounts.findByEmail('grace@people.example')
    expect(JSON.parse(text)).toMatchObject({
      '@timestamp': expect.any(String),
      ecs: { version: '8.17.0' },
      event: {
        kind: 'event',
        category: ['session'],
        type: ['end'],
        action: 'session.revoked',
        outcome: 'success',
        reason: 'for Elastic',
      },
      user: { target: { id: grace?.id } },
      source: { ip: '127.0.0.1' },
      user_agent: { original: expect.any(String) },
      http: { request: { id: expect.any(String) } },
      related: { user: [grace?.id], ip: ['127.0.0.1'] },
      latchkey: { actor: ROBOT.client_id, session_id: id, detail: expect.stringMatching(/^\{.*\}$/) },
    })
    expect(JSON.parse(text).user).not.toHaveProperty('id')
  })

  test('is an event itself, also when the reader goes away', async () => {
    await fill(5000, 'a long one')
    const aborted = new AbortController()
    const response = await fetch(`${server.issuer}/admin/api/v1/audit-events/export?format=csv&reason=a long one`, {
      headers: { authorization: `Bearer ${token}` },
      signal: aborted.signal,
    })
    await response.body?.getReader().read()
    aborted.abort()
    const [event] = await items('name=audit_events.exported&limit=1')
    expect(event).toMatchObject({ actor: ROBOT.client_id, detail: { format: 'csv', filter: '{"reason":"a long one"}' } })
    expect((await get('/audit-events?limit=1')).status).toBe(200)
  })

  test('AU1: what finds nothing is not written down: it may be a token in the place of a name', async () => {
    const pasted = 'a-secret-of-the-crm-app-that-is-long-enough'
    for (const member of ['session', 'grant', 'actor', 'client', 'account', 'request_id', 'reason'])
      expect((await file(`format=csv&${member}=${pasted}&ip=192.0.2.0/24&name=session.*`)).status).toBe(200)
    const [event] = await items('name=audit_events.exported&limit=1')
    expect(event?.detail).toEqual({
      format: 'csv',
      filter: '{"reason":"[hidden]","names":["session.*"],"network":"192.0.2.0/24"}',
    })
    const [{ n }] = await run(server.databaseUrl, 'SELECT count(*)::int AS n FROM audit_events e WHERE strpos(e::text, $1) > 0', [
      pasted,
    ])
    expect(n).toBe(0)
  })

  test('is for owners and auditors, and what is no format is refused', async () => {
    const tokens = new Map<Person, string>()
    for (const person of ['owner', 'operator', 'auditor', 'helpdesk'] as const)
      tokens.set(person, await personToken(server, person))
    const answers = await Promise.all([...tokens.values()].map((by) => file('format=ndjson&client=nobody', by)))
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 200, 403])
    for (const query of ['format=pdf', 'format=csv&limit=1', 'format=csv&format=ecs', 'cursor=x'])
      expect((await file(query)).status).toBe(400)
    expect((await file('account=nobody@people.example')).status).toBe(404)
  })
})

describe('the stream', () => {
  /** Listens, and hands over what comes. */
  async function listen(query = '', headers: { readonly [name: string]: string } = {}, by = token) {
    const aborted = new AbortController()
    const response = await fetch(`${server.issuer}/admin/api/v1/audit-events/stream${query}`, {
      headers: { authorization: `Bearer ${by}`, ...headers },
      signal: aborted.signal,
    })
    let text = ''
    let ended = false
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
    })()
      .catch(() => undefined)
      .finally(() => {
        ended = true
      })
    const events = (): (Shown & { place: string })[] =>
      [...text.matchAll(/^id: (\S+)\ndata: (\{"id".*)$/gm)].map(([, place, data]) => ({ ...JSON.parse(data ?? ''), place }))
    return {
      response,
      events,
      text: () => text,
      ended: () => ended,
      async until(count: number) {
        for (let tries = 0; events().length < count && tries < 400; tries += 1) await new Promise((done) => setTimeout(done, 50))
        return events()
      },
      async stop() {
        aborted.abort()
        await reading
      },
    }
  }

  test('tells what happens, in the order of the chain, and only what is asked for', async () => {
    await seal()
    const all = await listen()
    const some = await listen('?name=session.revoked&outcome=succeeded')
    expect(all.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const { id } = await revokeGrace('while somebody listens')
    expect((await some.until(1)).map(({ name, session_id, reason }) => [name, session_id, reason])).toEqual([
      ['session.revoked', id, 'while somebody listens'],
    ])
    const names = (await all.until(4)).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['sign_in.succeeded', 'session.started', 'client.signed_in', 'session.revoked']))
    expect(await items('name=session.revoked&limit=1')).toEqual([expect.objectContaining({ id: some.events()[0]?.id })])
    await Promise.all([all.stop(), some.stop()])
  })

  test('goes on where somebody stopped listening: nothing is missed, nothing comes twice', async () => {
    await seal()
    const first = await listen('?reason=resumed')
    await fill(10, 'resumed 1')
    const seen = await first.until(10)
    await first.stop()
    await fill(1200, 'resumed 2')
    const second = await listen('?reason=resumed', { 'last-event-id': seen.at(-1)?.place ?? '' })
    const more = await second.until(1200)
    expect(more).toHaveLength(1200)
    expect(new Set([...seen, ...more].map(({ id }) => id)).size).toBe(1210)
    const third = await listen(`?reason=resumed&after=${seen[4]?.place}`)
    expect((await third.until(1205)).slice(0, 5).map(({ id }) => id)).toEqual(seen.slice(5).map(({ id }) => id))
    await Promise.all([second.stop(), third.stop()])
  }, 60_000)

  test('a place that is none, or none any more', async () => {
    expect((await listen('?after=nonsense')).response.status).toBe(400)
    expect((await listen('?after=999999-0')).response.status).toBe(410)
    expect((await listen('', { 'last-event-id': '1; DROP' })).response.status).toBe(400)
    expect((await listen('?since=2026-01-01T00:00:00Z')).response.status).toBe(400)
    expect((await listen('?account=nobody@people.example')).response.status).toBe(404)
  })

  test('a place of a log that was put back to an earlier state since, where its number stands for another seal', async () => {
    await seal()
    const first = await listen('?reason=placed')
    await fill(1, 'placed')
    const [event] = await first.until(1)
    await first.stop()
    const [, number, digest = ''] = /^(\d+-1)-([0-9a-f]{12})$/.exec(event?.place ?? '') ?? []
    const [row] = await run(server.databaseUrl, "SELECT encode(digest, 'hex') AS digest FROM audit_seals WHERE number = $1", [
      number?.split('-')[0],
    ])
    expect(row?.digest).toMatch(new RegExp(`^${digest}`))
    const another = digest.replace(/./g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16))
    const statuses: number[] = []
    for (const place of [`${number}-${digest}`, `${number}-${another}`, `${number}`, `${number}-${digest.slice(1)}`]) {
      const again = await listen('', { 'last-event-id': place })
      statuses.push(again.response.status)
      await again.stop()
    }
    // Without a digest it is one that was told by an earlier version.
    expect(statuses).toEqual([200, 410, 200, 400])
  })

  test('ends when the session of the one who listens ends', async () => {
    const auditor = await personToken(server, 'auditor')
    const listening = await listen('', {}, auditor)
    expect(listening.response.status).toBe(200)
    await ask(server, token, `DELETE /sessions/${String(claimsOf(auditor).sid)}`)
    for (let tries = 0; !listening.ended() && tries < 400; tries += 1) await new Promise((done) => setTimeout(done, 50))
    expect(listening.ended()).toBe(true)
  }, 60_000)

  test('a caller has ten of them at most', async () => {
    const open = []
    for (let count = 0; count < 10; count += 1) open.push(await listen())
    expect(open.map(({ response }) => response.status)).toEqual(Array.from({ length: 10 }, () => 200))
    const refused = await listen()
    expect([refused.response.status, refused.response.headers.get('retry-after')]).toEqual([503, '5'])
    await Promise.all(open.map((one) => one.stop()))
    for (let tries = 0; server.latchkey.administration.auditStreams.count > 0 && tries < 100; tries += 1)
      await new Promise((done) => setTimeout(done, 20))
    expect(server.latchkey.administration.auditStreams.count).toBe(0)
  })
})

test('AD7: no answer shows a digest of a secret, a hash or a token', async () => {
  await tokenRequest(
    server,
    { ...ROBOT, client_secret: 'a-wrong-secret-that-nobody-has-ever-seen' },
    { grant_type: 'client_credentials' },
  )
  const text = JSON.stringify((await get('/audit-events?limit=200')).body)
  for (const secret of [ROBOT.client_secret, 'a-wrong-secret', PASSWORD, server.ada.password, '$argon2', 'eyJ', 'rt_'])
    expect(text).not.toContain(secret)
})

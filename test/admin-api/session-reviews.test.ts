// Session audits by the admin API: made once however often it is asked, walked through, kept from, signed off once, and taken home.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createPurge } from '../../server/maintenance/purge-expired.ts'
import { errorLines } from '../attacks/attempts.ts'
import { made, PLANTED, plant, whenMade } from '../session-reviews/planted.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { type ApiResult, ask, expectOnly, type Person, personToken, robotToken, startAdminServer, wholePreview } from './api.ts'

let server: TestServer
let token: string
const people = new Map<Person, string>()

beforeAll(async () => {
  server = await startAdminServer()
  await plant(server)
  await renew()
})

afterAll(() => server?.stop())

async function renew() {
  token = await robotToken(server)
  for (const person of ['owner', 'operator', 'auditor', 'helpdesk'] as const)
    people.set(person, await personToken(server, person))
}

/** Later, so that another report can be made. */
async function later(seconds = 120) {
  await server.advance(seconds)
  await renew()
}

const get = (path: string, by = token) => ask(server, by, `GET /session-audits${path}`)
const post = (path: string, body: unknown = {}, by = token) => ask(server, by, `POST /session-audits${path}`, { body })

async function file(id: string, format: string, by = token) {
  const response = await fetch(`${server.issuer}/admin/api/v1/session-audits/${id}/export?format=${format}`, {
    headers: { authorization: `Bearer ${by}` },
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const events = (name: string) => server.latchkey.stores.db.auditEvent.findMany({ where: { name }, orderBy: { id: 'asc' } })

interface Finding {
  readonly kind: string
  readonly subject: string
  readonly standing: string
  readonly kept: { readonly note: string; readonly by: { readonly email: string } } | null
  readonly number: number
}

async function findings(id: string, query = ''): Promise<Finding[]> {
  const { status, body } = await get(`/${id}/findings?limit=200${query}`)
  expect(status).toBe(200)
  return body.items
}

test('there is none at first; one is made of what nobody uses and what is older than it should be, and of nothing else', async () => {
  expect((await get('')).body).toEqual({ items: [], next_cursor: null })
  const { status, headers, body } = await post('', { reason: 'before the holidays' })
  expect([status, headers.get('location')]).toEqual([202, `/admin/api/v1/session-audits/${body.id}`])
  expect(body).toMatchObject({
    id: expect.stringMatching(/^rev_[\w-]{22}$/),
    scheduled: false,
    asked_by: { id: 'robot', email: null },
  })
  await whenMade(server, body.id)
  const { body: review } = await get(`/${body.id}`)
  const one = { open: 1, kept: 0, used: 0, over: 0 }
  expect(review).toMatchObject({
    state: 'open',
    signed_off: null,
    ages: {
      ...{ old_session: 86_400, dormant_grant: 14 * 86_400, unused_refresh_token: 86_400 },
      ...{ old_client_secret: 90 * 86_400, unused_account: 30 * 86_400 },
    },
    outcome: {
      ...{ old_session: one, dormant_grant: one, unused_refresh_token: one, old_client_secret: one, unused_account: one },
    },
  })
  expect(
    review.parts.map(({ kind, found, done }: { kind: string; found: number; done: boolean }) => [kind, found, done]),
  ).toEqual([
    ['old_session', 1, true],
    ['dormant_grant', 1, true],
    ['unused_refresh_token', 1, true],
    ['old_client_secret', 1, true],
    ['unused_account', 1, true],
  ])
  expect((await findings(body.id)).map(({ kind, subject, standing, kept }) => [kind, subject, standing, kept])).toEqual([
    ['old_session', PLANTED.session, 'there', null],
    ['dormant_grant', PLANTED.dormant, 'there', null],
    ['unused_refresh_token', PLANTED.unused, 'there', null],
    ['old_client_secret', PLANTED.secret, 'there', null],
    ['unused_account', PLANTED.account, 'there', null],
  ])
  const [session] = (await get(`/${body.id}/findings?kind=old_session`)).body.items
  expect(session).toMatchObject({
    account: { email: 'grace@people.example' },
    client: null,
    device: 'Chrome on Windows',
    number: 1,
  })
  const [grant] = (await get(`/${body.id}/findings?kind=dormant_grant`)).body.items
  expect(grant).toMatchObject({ client: { client_id: 'notes-spa', name: 'Notes' }, used_at: expect.any(String) })
  expect((await get(`/${body.id}/findings?kind=unused_refresh_token`)).body.items).toMatchObject([{ used_at: null }])
  expect((await events('session_review.begun')).at(-1)).toMatchObject({ actor: 'robot', reason: 'before the holidays' })
  expect((await events('session_review.made')).at(-1)?.detail).toMatchObject({ review: body.id, found: { old_session: 1 } })
  expect((await get('')).body.items.map(({ id }: { id: string }) => id)).toEqual([body.id])
})

test('of 50 who ask at once one report comes', async () => {
  await later()
  const before = (await events('session_review.begun')).length
  const answers = await Promise.all([...Array(50)].map(() => post('')))
  expectOnly(answers, 202)
  const ids = new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.id))
  expect(ids.size).toBe(1)
  await whenMade(server, [...ids][0])
  expect(await events('session_review.begun')).toHaveLength(before + 1)
})

test('beside what was found stands what has become of it since', async () => {
  await later()
  const { id } = await made(server)
  await ask(server, token, `DELETE /sessions/${PLANTED.session}`, { body: { reason: 'not needed' } })
  await ask(server, token, `POST /grants/revocations`, { body: { ids: [PLANTED.unused], reason: 'not needed' } })
  await run(
    server.databaseUrl,
    `UPDATE refresh_families SET rotated_at = latchkey_now(), idle_expires_at = latchkey_now() + interval '7 days'
     WHERE grant_id = '${PLANTED.dormant}'`,
  )
  await run(server.databaseUrl, `UPDATE accounts SET first_signed_in_at = latchkey_now() WHERE id = '${PLANTED.account}'`)
  await run(server.databaseUrl, `DELETE FROM client_secrets WHERE id = '${PLANTED.secret}'`)
  const { items } = (await get(`/${id}/findings`)).body
  expect(
    items.map(({ kind, standing, changed_at: at }: Finding & { changed_at: string | null }) => [kind, standing, at !== null]),
  ).toEqual([
    ['old_session', 'over', true],
    ['dormant_grant', 'used', true],
    ['unused_refresh_token', 'over', true],
    ['old_client_secret', 'over', false],
    ['unused_account', 'used', true],
  ])
  const { outcome } = (await get(`/${id}`)).body
  expect([outcome.old_session.over, outcome.dormant_grant.used, outcome.unused_account.open]).toEqual([1, 1, 0])
  await run(server.databaseUrl, `DELETE FROM sessions WHERE id = '${PLANTED.session}'`)
  expect((await findings(id, '&kind=old_session'))[0]).toMatchObject({ subject: PLANTED.session, standing: 'over' })
})

describe('a thousand and more', () => {
  let id: string

  beforeAll(async () => {
    await later()
    const grace = await server.latchkey.nouns.accounts.findByEmail('grace@people.example')
    await run(
      server.databaseUrl,
      `INSERT INTO sessions (id, account_id, methods, started_at, expires_at)
       SELECT 'ses_many_' || lpad(n::text, 5, '0'), $1, '{pwd}', latchkey_now() - interval '5 days' + n * interval '1 minute',
         latchkey_now() + interval '1 day' FROM generate_series(1, 2300) n`,
      [grace?.id],
    )
    id = (await made(server)).id
  })

  test('are counted, and the oldest thousand of them stand in the report, page by page', async () => {
    const { parts } = (await get(`/${id}`)).body
    expect(parts[0]).toMatchObject({ kind: 'old_session', found: 2300, done: true })
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: ApiResult = await get(
        `/${id}/findings?kind=old_session&limit=190${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      seen.push(...body.items.map(({ subject }: Finding) => subject))
      cursor = body.next_cursor
    }
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, n) => `ses_many_${String(n + 1).padStart(5, '0')}`))
  })

  test('AD6: a cursor is good for its list alone', async () => {
    const { body } = await get(`/${id}/findings?kind=old_session&limit=1`)
    for (const query of [`cursor=${body.next_cursor}`, 'cursor=x', `kind=old_session&cursor=${body.next_cursor}A`])
      expect((await get(`/${id}/findings?${query}`)).status).toBe(400)
  })

  test('stay when somebody says so, with a note that can be replaced, and that is in the audit log', async () => {
    const subjects = ['ses_many_00001', 'ses_many_00002']
    const first = await post(`/${id}/kept`, { kind: 'old_session', subjects, note: 'kiosks' }, people.get('operator'))
    expect([first.status, first.body]).toEqual([200, { kept: 2 }])
    await post(`/${id}/kept`, { kind: 'old_session', subjects: [subjects[1]], note: '=1+1' }, people.get('auditor'))
    const kept = (await findings(id, '&kind=old_session'))
      .slice(0, 3)
      .map((finding) => [finding.kept?.note, finding.kept?.by.email])
    expect(kept).toEqual([
      ['kiosks', 'operator@staff.example'],
      ['=1+1', 'auditor@staff.example'],
      [undefined, undefined],
    ])
    expect((await get(`/${id}`)).body.outcome.old_session).toEqual({ open: 998, kept: 2, used: 0, over: 0 })
    expect((await events('session_review.kept')).at(-1)).toMatchObject({
      reason: '=1+1',
      detail: { review: id, kind: 'old_session', subjects: [subjects[1]] },
    })
  })

  test('stay also when all others are ended by a filter', async () => {
    await post(`/${id}/kept`, { kind: 'old_session', subjects: ['ses_many_00008'], note: 'kiosks' })
    const preview = async (filter: object) =>
      (await wholePreview(() => ask(server, token, 'POST /sessions/revocations', { body: { filter, dry_run: true } }))).sessions
    const kept = (await get(`/${id}`)).body.outcome.old_session.kept
    expect(kept).toBeGreaterThan(0)
    const all = await preview({ state: 'live' })
    expect(all).toBeGreaterThan(2300)
    expect(await preview({ state: 'live', not_kept_in: id })).toBe(all - kept)
    const listed = await ask(server, token, `GET /sessions?state=live&limit=200&not_kept_in=${id}`)
    expect(listed.body.items.map((item: { id: string }) => item.id)).not.toContain('ses_many_00008')
    await ask(server, token, `DELETE /session-audits/${id}/kept`, {
      body: { kind: 'old_session', subjects: ['ses_many_00008'], reason: 'moved' },
    })
  })

  test('are open again when that is taken back, as long as nobody has signed off', async () => {
    const unkeep = (subjects: readonly string[], as?: string, reason = 'moved') =>
      ask(server, as ?? token, `DELETE /session-audits/${id}/kept`, { body: { kind: 'old_session', subjects, reason } })
    await post(`/${id}/kept`, { kind: 'old_session', subjects: ['ses_many_00005', 'ses_many_00006'], note: 'kiosks' })
    const before = (await get(`/${id}`)).body.outcome.old_session
    // Nothing is taken back in part, and nothing that was not said.
    expect((await unkeep(['ses_many_00005', 'ses_many_00007'])).body.detail).toBe('Not all of these are kept in the audit.')
    expect((await get(`/${id}`)).body.outcome.old_session).toEqual(before)
    expect((await unkeep(['ses_many_00005'], people.get('helpdesk'))).status).toBe(403)
    const taken = await unkeep(['ses_many_00005', 'ses_many_00006'], people.get('operator'))
    expect([taken.status, taken.body]).toEqual([200, { unkept: 2 }])
    const after = (await get(`/${id}`)).body.outcome.old_session
    expect(after).toEqual({ ...before, open: before.open + 2, kept: before.kept - 2 })
    expect((await findings(id, '&kind=old_session'))[4]).toMatchObject({
      subject: 'ses_many_00005',
      kept: null,
      standing: 'there',
    })
    expect((await events('session_review.unkept')).at(-1)).toMatchObject({
      reason: 'moved',
      detail: { review: id, kind: 'old_session', subjects: ['ses_many_00005', 'ses_many_00006'] },
    })
    const back = { kind: 'old_session', subjects: ['a'] }
    expect((await ask(server, token, 'DELETE /session-audits/rev_none/kept', { body: back })).status).toBe(404)
  })

  test('AD2, AD3: what does not stand in the report cannot stay, and nothing is kept in part', async () => {
    const keep = (body: object) => post(`/${id}/kept`, { kind: 'old_session', subjects: ['ses_many_00003'], note: 'x', ...body })
    const refused = await keep({ subjects: ['ses_many_00003', 'ses_many_02000'] })
    expect([refused.status, refused.body.detail]).toEqual([409, 'Not all of these stand in the audit.'])
    expect((await keep({ kind: 'dormant_grant' })).status).toBe(409)
    for (const body of [
      { note: ' ' },
      { note: 'a\0b' },
      { kind: 'all' },
      { subjects: [] },
      { subjects: [{ not: '' }] },
      { kept_by: 'acc_me' },
    ])
      expect({ body, status: (await keep(body)).status }).toEqual({ body, status: 400 })
    expect((await findings(id, '&kind=old_session'))[2]).toMatchObject({ subject: 'ses_many_00003', kept: null })
    for (const path of ['/rev_none', '/rev_none/findings', '/%ED%A0%80'])
      expect({ path, status: (await get(path)).status }).toEqual({ path, status: 404 })
    expect((await post('/rev_none/kept', { kind: 'old_session', subjects: ['a'], note: 'x' })).status).toBe(404)
  })

  test('AU1, AD6: the report is a file: no cell is a formula, and that it was taken home is an event', async () => {
    const csv = await file(id, 'csv')
    expect(csv.headers.get('content-disposition')).toMatch(/^attachment; filename="session-audit-\d{4}-\d\d-\d\d\.csv"$/)
    const [head, ...lines] = csv.text.trimEnd().split('\r\n')
    expect(head).toMatch(/^kind,number,subject,account_id,account_email,/)
    expect(lines).toHaveLength(1000)
    expect(lines[1]).toMatch(/^old_session,2,ses_many_00002,acc_[\w-]+,grace@people\.example,.*,auditor@staff\.example,'=1\+1$/)
    expect(csv.text).not.toMatch(/(^|,)"?[=+@]/m)
    const json = JSON.parse((await file(id, 'json')).text)
    expect([json.review.id, json.findings.length, json.findings[1].kept.note]).toEqual([id, 1000, '=1+1'])
    expect((await events('session_review.exported')).map(({ detail }) => detail)).toEqual([
      { review: id, format: 'csv' },
      { review: id, format: 'json' },
    ])
    expect((await file(id, 'pdf')).status).toBe(400)
  })

  test('WB4: the page to print needs nothing from elsewhere, and what others wrote is text in it', async () => {
    await post(`/${id}/kept`, { kind: 'old_session', subjects: ['ses_many_00004'], note: '<script>alert(1)</script>' })
    const { headers, text } = await file(id, 'html', people.get('auditor'))
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(headers.get('content-disposition')).toContain('attachment')
    expect(text).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/)
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(text).not.toMatch(/<script|<link|src=|href=|url\(|@import/i)
    expect(text).toContain('@media print')
    expect(text.match(/<tr><td>/g)).toHaveLength(1000)
    const answers = await Promise.all(
      (['owner', 'operator', 'auditor', 'helpdesk'] as const).map((who) => file(id, 'json', people.get(who))),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 200, 403])
  })
})

test('a report is signed off by a person, who says what they saw; of 50 at once one', async () => {
  await later()
  const { id } = await made(server)
  expect(await server.latchkey.administration.sessionReviews.latestSignedOff()).toBeUndefined()
  const robot = await post(`/${id}/sign-off`, { note: 'all well' })
  expect([robot.status, robot.body.detail]).toEqual([
    409,
    'A session audit is signed off by a person, not by a client for itself.',
  ])
  expect((await post(`/${id}/sign-off`, { note: 'all well' }, people.get('operator'))).status).toBe(403)
  for (const body of [{}, { note: '' }, { note: 'x', signed_off_by: 'acc_me' }, { note: { not: '' } }])
    expect((await post(`/${id}/sign-off`, body, people.get('auditor'))).status).toBe(400)
  const answers = await Promise.all(
    [...Array(50)].map((_, index) =>
      post(`/${id}/sign-off`, { note: `all well ${index}` }, people.get(index % 2 === 0 ? 'auditor' : 'owner')),
    ),
  )
  expectOnly(answers, 200, 409)
  const done = answers.filter(({ status }) => status === 200)
  expect(done).toHaveLength(1)
  const { signed_off: signedOff } = (await get(`/${id}`)).body
  expect(signedOff).toEqual(done[0]?.body.signed_off)
  expect(signedOff).toMatchObject({ note: expect.stringMatching(/^all well \d+$/), outcome: { old_session: { open: 1000 } } })
  const [event, ...more] = await events('session_review.signed_off')
  expect(more).toEqual([])
  expect(event).toMatchObject({ actor: signedOff.by.id, reason: signedOff.note, detail: { review: id } })
  expect(await server.latchkey.administration.sessionReviews.latestSignedOff()).toEqual({
    id,
    signedOffAt: new Date(signedOff.at),
    signedOffBy: signedOff.by.id,
  })
  const late = await post(`/${id}/kept`, { kind: 'old_session', subjects: ['ses_many_00001'], note: 'late' })
  expect([late.status, late.body.detail]).toEqual([409, 'The audit was signed off already, and stays as it is.'])
  const back = { kind: 'old_session', subjects: ['ses_many_00001'] }
  const taken = await ask(server, token, `DELETE /session-audits/${id}/kept`, { body: back })
  expect([taken.status, taken.body.detail]).toEqual([409, 'The audit was signed off already, and stays as it is.'])
})

test('an account that is deleted leaves nothing but its id in a report', async () => {
  const { id } = (await get('')).body.items[0]
  const columns = await run(
    server.databaseUrl,
    `SELECT to_jsonb(f)::text AS text FROM session_review_findings f WHERE review_id = '${id}'`,
  )
  for (const { text } of columns) expect(text).not.toMatch(/@people|Grace|Mozilla/)
})

test('what a report says is kept for three years, and then goes with it', async () => {
  await later(1096 * 86_400)
  const tables = ['session_reviews', 'session_review_parts', 'session_review_findings']
  const rows = () =>
    run(server.databaseUrl, tables.map((table) => `SELECT count(*)::int AS count FROM ${table}`).join(' UNION ALL '))
  expect((await rows()).every(({ count }) => count > 0)).toBe(true)
  await createPurge({ db: server.latchkey.stores.db, log: server.latchkey.log }).run()
  expect(await rows()).toEqual([{ count: 0 }, { count: 0 }, { count: 0 }])
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})

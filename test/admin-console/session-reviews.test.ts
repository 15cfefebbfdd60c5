// Session audits in the console: a report is made, walked through, ended from, kept from and signed off.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import { errorLines } from '../attacks/attempts.ts'
import { PLANTED, plant, whenMade } from '../session-reviews/planted.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

const PATH = '/admin/session-audits'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
  await plant(server)
})

afterAll(() => server?.stop())

const events = (name: string) => server.latchkey.stores.db.auditEvent.findMany({ where: { name }, orderBy: { id: 'asc' } })

/** The report that was made last. */
async function latest(): Promise<string> {
  const [review] = await server.latchkey.administration.sessionReviews.page({ limit: 1 })
  return String(review?.id)
}

test('without a report the page says how one comes about; the button makes one, and shows how far it is', async () => {
  const { browser, page } = await atConsole(server, 'operator', PATH)
  expect(page.body).toContain('No reports yet')
  expect(page.body).toContain('One is made every 30 days')
  expect(page.body).toContain(`<a href="${PATH}" aria-current="page">Session audit</a>`)
  const begun = await send(browser, page, PATH)
  expect(begun.body).toContain('The report is being made. It ends nothing by itself.')
  const id = await latest()
  expect(begun.url).toBe(`${server.issuer}${PATH}/${id}`)
  await whenMade(server, id)
  const again = await send(browser, await browser.open(`${server.issuer}${PATH}`), PATH)
  expect(again.url).toBe(begun.url)
  expect(again.body).toContain('This report was begun just now: no other one is made beside it.')
  expect((await events('session_review.begun')).length).toBe(1)
})

test('while it is being made its page says how far it is, and looks again by itself', async () => {
  const { db } = server.latchkey.stores
  await db.$executeRawUnsafe(`INSERT INTO session_reviews (id, scheduled, actor, ages, lease_until)
    VALUES ('rev_slow', true, 'system', '{"session":1,"grant":1,"refreshToken":1,"secret":1,"account":1}', latchkey_now() + interval '1 day')`)
  await db.$executeRawUnsafe(`INSERT INTO session_review_parts (review_id, kind, place, looked, found, done)
    VALUES ('rev_slow', 'old_session', 0, 4000, 12, true), ('rev_slow', 'dormant_grant', 1, 2000, 7, false)`)
  const { browser, page } = await atConsole(server, 'auditor', `${PATH}/rev_slow`)
  expect(page.body).toContain('<div class="under-way" data-look-again="2">')
  expect(page.body).toContain('<progress max="2" value="1"')
  expect(page.body).toContain('under way · 2,000 looked at · 7 found')
  expect(page.body).not.toMatch(/export|sign-off|name="id"/)
  const early = await send(
    browser,
    await browser.open(`${server.issuer}${PATH}/rev_slow/sign-off`),
    `${PATH}/rev_slow/sign-off`,
    {
      reason: 'early',
    },
  )
  expect([early.status, early.body]).toEqual([409, expect.stringContaining('The audit is still being made.')])
  await run(server.databaseUrl, `DELETE FROM session_reviews WHERE id = 'rev_slow'`)
})

test('one walks through it: what is ticked is ended by the page of its list, and the way leads back to the report', async () => {
  const id = await latest()
  const { browser, page } = await atConsole(server, 'operator', `${PATH}/${id}`)
  expect(page.body).toContain('Old sessions')
  expect(page.body).toContain('Chrome on Windows')
  expect(page.body).toContain(`value="${PLANTED.session}"`)
  expect(page.body).toContain('formaction="/admin/sessions/revocation"')
  const back = `${PATH}/${id}?kind=old_session`
  expect(page.body).toContain(`name="back" value="${back}"`)
  const asking = await browser.open(
    `${server.issuer}/admin/sessions/revocation?${new URLSearchParams({ kind: 'old_session', back, id: PLANTED.session })}`,
  )
  const done = await send(browser, asking, '/admin/sessions/revocation', { reason: 'the audit' })
  expect(done.url).toBe(`${server.issuer}${back}`)
  expect(done.body).toContain('Ended: 1 session')
  expect(done.body).toMatch(/>Ended<\/span>/)
  expect(done.body).not.toContain(`value="${PLANTED.session}"`)
  expect((await events('session.revoked')).at(-1)).toMatchObject({ sessionId: PLANTED.session, reason: 'the audit' })
})

test('all that are so by now are ended by the page that previews them, which leads nowhere else', async () => {
  const id = await latest()
  const { browser } = await atConsole(server, 'operator')
  const page = await browser.open(`${server.issuer}${PATH}/${id}?kind=dormant_grant`)
  const href = /href="(\/admin\/grants\/revocation\?filter=[^"]+)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const asking = await browser.open(`${server.issuer}${href}`)
  expect(asking.body).toContain('End 1 grant')
  for (const back of ['https://evil.example/', '//evil.example', '/admin/keys', '/admin/session-audits/../../evil']) {
    const elsewhere = await browser.open(
      `${server.issuer}/admin/grants/revocation?${new URLSearchParams({ id: PLANTED.dormant, back })}`,
    )
    expect(elsewhere.body).not.toContain('name="back"')
  }
})

test('what was said to stay is not ended with all the others', async () => {
  const id = await latest()
  const reviews = server.latchkey.administration.sessionReviews
  const dormant = { kind: 'dormant_grant', subjects: [PLANTED.dormant] } as const
  await reviews.keep(id, dormant, { actor: 'acc_auditor', reason: 'it comes back' })
  const { browser, page } = await atConsole(server, 'operator', `${PATH}/${id}?kind=dormant_grant`)
  const href = /href="(\/admin\/grants\/revocation\?filter=[^"]+)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const asking = await browser.open(`${server.issuer}${href}`)
  expect(asking.body).toContain('Nothing to end')
  await reviews.unkeep(id, dormant, { actor: 'acc_auditor', reason: 'it does not' })
  expect((await browser.open(`${server.issuer}${href}`)).body).toContain('End 1 grant')
})

test('what stays is kept with a note, by those who may, and stands in the report', async () => {
  const id = await latest()
  const { browser, page: none } = await atConsole(server, 'auditor', `${PATH}/${id}/kept?kind=old_client_secret`)
  expect(none.body).toContain('Nothing is selected.')
  const list = await browser.open(`${server.issuer}${PATH}/${id}?kind=old_client_secret`)
  expect(list.body).toContain('Keep selected…')
  expect(list.body).not.toContain('End selected…')
  expect(list.body).toContain('href="/admin/clients/reports"')
  const asking = await browser.open(`${server.issuer}${PATH}/${id}/kept?kind=old_client_secret&id=${PLANTED.secret}&id=sec_other`)
  const unsaid = await send(browser, asking, `${PATH}/${id}/kept`, { note: '  ' })
  expect(unsaid.status).toBe(400)
  expect(unsaid.body).toContain('Why it stays')
  expect(unsaid.body).toContain('aria-invalid="true"')
  const done = await send(browser, unsaid, `${PATH}/${id}/kept`, { note: 'rotated <b>next</b> week' })
  expect(done.body).toContain('It stays, and the report says why.')
  expect(done.body).toContain('rotated &lt;b&gt;next&lt;/b&gt; week')
  expect(done.body).toContain('1 kept')
  const forged = await send(browser, asking, `${PATH}/${id}/kept`, { subjects: 'sec_other', note: 'x' })
  expect([forged.status, forged.body]).toEqual([409, expect.stringContaining('Not all of these stand in the audit.')])
  expect((await browser.open(`${server.issuer}${PATH}/${id}/kept?kind=all`)).status).toBe(400)
})

test('what is kept can be opened again by those who may', async () => {
  const id = await latest()
  const list = `${PATH}/${id}?kind=old_client_secret`
  const { browser, page } = await atConsole(server, 'auditor', list)
  expect(page.body).toContain(`formaction="${PATH}/${id}/unkept"`)
  const none = await browser.open(`${server.issuer}${PATH}/${id}/unkept?kind=old_client_secret&id=sec_other`)
  expect(none.body).toContain('Nothing is selected that is kept.')
  const asking = await browser.open(`${server.issuer}${PATH}/${id}/unkept?kind=old_client_secret&id=${PLANTED.secret}`)
  expect(asking.body).toContain('<q>rotated &lt;b&gt;next&lt;/b&gt; week</q>')
  const done = await send(browser, asking, `${PATH}/${id}/unkept`, { note: 'rotated already' })
  expect(done.body).toContain('It is open again.')
  expect(done.body).not.toContain('1 kept')
  expect(done.body).not.toContain('Keep no longer…')
  const again = await send(browser, asking, `${PATH}/${id}/unkept`)
  expect([again.status, again.body]).toEqual([409, expect.stringContaining('Not all of these are kept in the audit.')])
  const kept = await browser.open(`${server.issuer}${PATH}/${id}/kept?kind=old_client_secret&id=${PLANTED.secret}`)
  expect((await send(browser, kept, `${PATH}/${id}/kept`, { note: 'after all' })).body).toContain('1 kept')
})

test('it is signed off after a fresh sign-in, with what is still open before one’s eyes; then it stays as it is', async () => {
  const id = await latest()
  const operator = await atConsole(server, 'operator', `${PATH}/${id}`)
  expect(operator.page.body).not.toContain('sign-off')
  const { browser, page } = await atConsole(server, 'auditor', `${PATH}/${id}`)
  expect(page.body).toContain('To be signed off')
  await server.advance(301)
  // The sign-in of before is not enough any more.
  const again = await signInAs(browser, await browser.open(`${server.issuer}${PATH}/${id}/sign-off`), 'auditor')
  expect(again.url).toBe(`${server.issuer}${PATH}/${id}/sign-off`)
  expect(again.body).toContain('3 findings are still open')
  const unsaid = await send(browser, again, `${PATH}/${id}/sign-off`, { reason: ' ' })
  expect(unsaid.status).toBe(400)
  expect(unsaid.body).toContain('aria-describedby="note-hint note-missing" aria-invalid="true" autofocus')
  const done = await send(browser, unsaid, `${PATH}/${id}/sign-off`, { reason: 'the rest next week' })
  expect(done.body).toContain('Signed off. The report stays as it is.')
  expect(done.body).toContain('the rest next week')
  expect(done.body).not.toContain('Keep selected…')
  const twice = await send(browser, unsaid, `${PATH}/${id}/sign-off`, { reason: 'twice' })
  expect([twice.status, twice.body]).toEqual([
    409,
    expect.stringContaining('The audit was signed off already, and stays as it is.'),
  ])
  // What would be refused again is not offered again; who did it is said.
  expect(twice.body).not.toMatch(/<form[^>]*sign-off|Sign it off/)
  expect(twice.body).toMatch(/auditor@staff\.example.* signed it off, .*<q>the rest next week<\/q>/)
  expect(twice.body).toContain('Your note was not written down: <q>twice</q>')
  for (const deed of ['kept', 'unkept']) {
    const late = await browser.open(`${server.issuer}${PATH}/${id}/${deed}?kind=old_client_secret&id=${PLANTED.secret}`)
    expect(late.body).toContain('The report was signed off.')
    expect(late.body).not.toMatch(/<form[^>]*kept"/)
  }
  expect((await events('session_review.signed_off')).map(({ reason }) => reason)).toEqual(['the rest next week'])
  expect((await browser.open(`${server.issuer}${PATH}`)).body).toContain('Signed off')
})

test('it is taken home by owners and auditors', async () => {
  const id = await latest()
  const { browser, page } = await atConsole(server, 'owner', `${PATH}/${id}`)
  for (const [format, type] of [
    ['csv', 'text/csv; charset=utf-8'],
    ['json', 'application/json; charset=utf-8'],
    ['html', 'text/html; charset=utf-8'],
  ] as const) {
    const sent = await send(browser, page, `${PATH}/${id}/export`, { format })
    expect([sent.status, sent.headers['content-type'], sent.headers['content-disposition']]).toEqual([
      200,
      type,
      expect.stringMatching(new RegExp(`^attachment; filename="session-audit-[\\d-]+\\.${format}"$`)),
    ])
    expect(sent.body).toContain(PLANTED.dormant)
  }
  expect((await send(browser, page, `${PATH}/${id}/export`, { format: 'pdf' })).status).toBe(400)
  expect(await events('session_review.exported')).toHaveLength(3)
  expect((await atConsole(server, 'operator', `${PATH}/${id}`)).page.body).not.toContain('/export')
})

test('what was signed off is counted as it was then, whatever ends later, as in the file to print', async () => {
  const id = await latest()
  const { browser, page } = await atConsole(server, 'auditor', `${PATH}/${id}?kind=dormant_grant`)
  const counts = (body: string) => body.match(/\d+ found[^<]*|\d+ open|None open/g)
  expect(counts(page.body)).toContain('1 open')
  expect(page.body).toContain('Counted when it was signed off. Below stands what is so by now.')
  await run(server.databaseUrl, 'UPDATE grants SET ended_at = latchkey_now() WHERE id = $1', [PLANTED.dormant])
  const later = await browser.open(`${server.issuer}${PATH}/${id}?kind=dormant_grant`)
  expect(counts(later.body)).toEqual(counts(page.body))
  expect(later.body).toMatch(/>Ended<\/span>/)
  const file = await send(browser, page, `${PATH}/${id}/export`, { format: 'html' })
  expect(file.body).toMatch(/Dormant grants<br>.*<td>1<\/td><td>1<\/td><td>0<\/td>/)
  await run(server.databaseUrl, 'UPDATE grants SET ended_at = NULL WHERE id = $1', [PLANTED.dormant])
})

test('the format that was chosen is still there after signing in again', async () => {
  const id = await latest()
  const { browser, page } = await atConsole(server, 'auditor', `${PATH}/${id}`)
  expect(page.body).not.toContain(' selected>')
  await run(
    server.databaseUrl,
    `UPDATE sessions SET ended_at = latchkey_now()
     WHERE ended_at IS NULL AND account_id = (SELECT id FROM accounts WHERE email = 'auditor@staff.example')`,
  )
  const asked = await send(browser, page, `${PATH}/${id}/export`, { format: 'json' })
  expect(asked.body).toContain('name="password"')
  const back = await signInAs(browser, asked, 'auditor')
  expect(new URL(back.url).pathname).toBe(`${PATH}/${id}`)
  expect(back.body).toContain('<option value="json" selected>')
})

test('a report that found nothing says so; a page weighs little, and what is no report is not there', async () => {
  await run(server.databaseUrl, 'UPDATE sessions SET ended_at = latchkey_now()')
  await run(server.databaseUrl, 'UPDATE grants SET ended_at = latchkey_now()')
  await run(server.databaseUrl, 'DELETE FROM client_secrets WHERE id = $1', [PLANTED.secret])
  await run(server.databaseUrl, 'DELETE FROM accounts WHERE id = $1', [PLANTED.account])
  await server.advance(120)
  const { browser, page } = await atConsole(server, 'owner', PATH)
  await send(browser, page, PATH)
  const id = await latest()
  await whenMade(server, id)
  expect((await browser.open(`${server.issuer}${PATH}/${id}`)).body).toContain('Nothing was found')
  for (const name of ['none', '%00', 'a'.repeat(300), '%3Cscript%3E'])
    expect({ name, status: (await browser.open(`${server.issuer}${PATH}/${name}`)).status }).toEqual({ name, status: 404 })
  await run(
    server.databaseUrl,
    `INSERT INTO session_review_findings (review_id, kind, number, subject, account_id, client_id, since)
     SELECT $1, 'dormant_grant', n, 'gra_' || repeat('x', 22) || n, a.id, 'notes-spa', latchkey_now()
     FROM generate_series(1, 200) n, accounts a WHERE a.email_key = 'grace@people.example'`,
    [id],
  )
  const heavy = await browser.open(`${server.issuer}${PATH}/${id}?kind=dormant_grant`)
  expect(heavy.body.match(/gra_x{22}\d+"/g)?.length).toBeGreaterThan(40)
  expect(Buffer.byteLength(heavy.body)).toBeLessThan(60_000)
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})

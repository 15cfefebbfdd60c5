// The lists of the console, each by what they have in common: a filter that cannot be understood is not answered as if nothing were there,
// and what narrows a list goes on narrowing it.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

test.each([
  ['/admin/sessions', 'idle=x', 'account=nobody'],
  ['/admin/accounts', 'role=root', 'search=nobody-at-all'],
  ['/admin/grants', 'state=lost', 'account=nobody'],
  ['/admin/clients', 'kind=other', 'q=nobody'],
  ['/admin/resource-servers', `q=${'a'.repeat(400)}`, 'q=nobody'],
  ['/admin/refused-requests', 'cause=no-such', 'client=nobody'],
  ['/admin/logout-notifications', 'state=lost', 'client=nobody'],
  ['/admin/audit', 'since=yesterday', 'actor=acc_nobody'],
  ['/admin/secrets', 'state=lost', 'state=due'],
  ['/admin/tokens', 'kind=other', 'value=nobody'],
])(
  '%s says what is wrong with a filter, and not that there is nothing; what there is none of it does say',
  async (path, wrong, none) => {
    const { browser, page } = await atConsole(server, 'owner', `${path}?${wrong}`)
    expect({ status: page.status, fault: page.body.includes('role="alert"'), none: page.body.includes('class="empty"') }).toEqual(
      {
        status: 400,
        fault: true,
        none: false,
      },
    )
    const empty = await browser.open(`${server.issuer}${path}?${none}`)
    expect({ status: empty.status, none: empty.body.includes('class="empty"') }).toEqual({ status: 200, none: true })
  },
)

test.each([
  ['sessions', 'ip'],
  ['accounts', 'search'],
  ['grants', 'client'],
  ['clients', 'q'],
  ['resource-servers', 'q'],
  ['refused-requests', 'client'],
  ['logout-notifications', 'client'],
  ['failed-sign-ins', 'ip'],
  ['audit', 'actor'],
  ['secrets', 'state'],
  ['tokens', 'value'],
  ['settings', 'set'],
])('a list of %s that is given a field twice (%s) does not show, or end, more than was meant', async (list, field) => {
  const { page } = await atConsole(server, 'owner', `/admin/${list}?${field}=due&${field}=yes&state=due`)
  expect({ status: page.status, empty: page.body.includes('class="empty"') }).toEqual({ status: 400, empty: false })
  expect(page.body).toContain(`A field was given twice: ${field}.`)
  expect(page.body).not.toContain('End all of these')
})

test.each(['sessions', 'grants'])(
  'what a session audit leaves out of a list of %s stays left out when something is added to the filter',
  async (noun) => {
    const { page } = await atConsole(server, 'auditor', `/admin/${noun}?not_kept_in=rev_some&state=live`)
    const [, form = ''] = new RegExp(`<form method="get" action="/admin/${noun}">([\\s\\S]*?)</form>`).exec(page.body) ?? []
    expect(form).toContain('<input type="hidden" name="not_kept_in" value="rev_some">')
    expect(page.body).toContain('Not kept in the report: <bdi>rev_some</bdi>')
  },
)

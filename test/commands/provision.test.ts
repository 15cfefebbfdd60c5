// Provisioning on a real database: the plan, what it changes, what it leaves alone, and what it ends.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { containAccount } from '../../server/accounts/account-standing.ts'
import { describeProvisioning, provision } from '../../server/commands/provision.ts'
import { ProvisionFileError } from '../../server/commands/provision-file.ts'
import { tamper } from '../support/postgres.ts'
import { changesOf, openWorkbench, signInAt, type Workbench } from './support.ts'

const NOTES = 'https://notes.example/api'
const SECRET = 'the-secret-of-the-reports-client-0001'
const SPA = {
  client_id: 'spa',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['https://spa.example/cb'],
  scope: 'openid notes:read',
}
const REPORTS = { client_id: 'reports', client_secret: SECRET, grant_types: ['client_credentials'], scope: 'notes:read' }
const SERVER = { identifier: NOTES, scopes: ['notes:read', 'notes:write'], default: true, clients: ['reports'] }
const ADA = {
  email: 'Ada@People.example',
  email_verified: true,
  name: 'Ada',
  roles: ['owner'],
  password: 'an analytical engine 1843',
}
const ALL = { clients: [SPA, REPORTS], resource_servers: [SERVER], accounts: [ADA] }

let bench: Workbench
beforeAll(async () => {
  bench = await openWorkbench()
})
afterAll(() => bench.close())
beforeEach(async () => {
  await bench.db.resourceServer.deleteMany()
  await bench.db.client.deleteMany()
  await bench.db.account.deleteMany()
  await tamper(bench.url)
  await bench.db.revocation.deleteMany()
})

const auditNames = async () => (await bench.db.auditEvent.findMany({ orderBy: { id: 'asc' } })).map((event) => event.name)
const revocations = () => bench.db.revocation.findMany({ orderBy: { sequence: 'asc' } })

async function faultsOf(content: string | object): Promise<string> {
  const error = await bench.provision(content).catch((thrown: unknown) => thrown)
  if (!(error instanceof ProvisionFileError)) throw error
  return error.message.replaceAll(`${bench.folder}/`, '')
}

test('makes what the file has, and a second time finds nothing to change', async () => {
  const first = await bench.provision(ALL)
  expect(changesOf(first)).toEqual([
    'create client spa',
    'create client reports',
    `create resource_server ${NOTES}`,
    'create account Ada@People.example',
  ])
  expect(first.notes).toEqual([])
  const second = await bench.provision(ALL)
  expect(changesOf(second)).toEqual([])
  expect(describeProvisioning(second)).toMatch(/Nothing to change\.$/)

  const spa = await bench.db.client.findUniqueOrThrow({ where: { id: 'spa' }, include: { secrets: true } })
  expect(spa).toMatchObject({ managedBy: 'provision', status: 'active', secrets: [] })
  expect(spa.metadata).toMatchObject({ client_id: 'spa', response_types: ['code'], backchannel_logout_session_required: true })
  const server = await bench.db.resourceServer.findUniqueOrThrow({ where: { identifier: NOTES }, include: { clients: true } })
  expect(server).toMatchObject({
    scopes: ['notes:read', 'notes:write'],
    accessTokenFormat: 'jwt',
    accessTokenTtl: 900,
    isDefault: true,
    managedBy: 'provision',
  })
  expect(server.clients).toMatchObject([{ clientId: 'reports' }])
  const ada = await bench.db.account.findUniqueOrThrow({
    where: { emailKey: 'ada@people.example' },
    include: { passwords: true },
  })
  expect(ada).toMatchObject({
    email: 'Ada@People.example',
    emailVerified: true,
    name: 'Ada',
    roles: ['owner'],
    managedBy: 'provision',
  })
  await expect(bench.deps.passwords.verify(ada.passwords[0]?.hash ?? '', ADA.password)).resolves.toBe(true)
})

test('every change is in the audit log, with its reason and without a secret', async () => {
  await bench.provision(ALL, { reason: 'first set-up' })
  expect(await auditNames()).toEqual([
    'client.created',
    'client.created',
    'client_secret.created',
    'resource_server.created',
    'account.created',
  ])
  const events = await bench.db.auditEvent.findMany()
  for (const event of events) expect(event).toMatchObject({ actor: 'system', reason: 'first set-up' })
  expect(JSON.stringify(events.map(({ detail }) => detail))).not.toContain(SECRET)
  await bench.provision(ALL)
  expect(await auditNames()).toHaveLength(5)
})

test('what people read of a scope is kept, and a change of it is shown', async () => {
  const described = (text: string) => ({
    resource_servers: [{ identifier: NOTES, scopes: ['notes:read'], scope_descriptions: { 'notes:read': text } }],
  })
  await bench.provision(described('Read your notes'))
  const server = await bench.db.resourceServer.findUniqueOrThrow({ where: { identifier: NOTES } })
  expect(server.scopeDescriptions).toEqual({ 'notes:read': 'Read your notes' })
  const report = await bench.provision(described('Look at your notes'))
  expect(report.changes).toMatchObject([{ action: 'update', members: ['scope_descriptions'] }])
  await expect(bench.provision(described('turned \u202e round'))).rejects.toThrow('it must be one line of plain text')
  const foreign = { identifier: NOTES, scopes: ['notes:read'], scope_descriptions: { 'notes:erase': 'Erase' } }
  await expect(bench.provision({ resource_servers: [foreign] })).rejects.toThrow('it is not one of the scopes')
})

test('a dry run shows the plan and writes nothing', async () => {
  const report = await bench.provision(ALL, { dryRun: true })
  expect(report.changes).toHaveLength(4)
  expect(describeProvisioning(report)).toContain('4 changes; nothing was written.')
  expect(await bench.db.client.count()).toBe(0)
  expect(await bench.db.account.count()).toBe(0)
  expect(await auditNames()).toEqual([])
})

test('the plan is told before it is done', async () => {
  const told: string[] = []
  const passwords = {
    ...bench.deps.passwords,
    hash: (password: string) => {
      told.push('a password is hashed')
      return bench.deps.passwords.hash(password)
    },
  }
  const file = bench.write('p.json', JSON.stringify(ALL))
  await provision({ ...bench.deps, passwords }, { file, onPlan: (report) => void told.push(`${report.changes.length} changes`) })
  expect(told).toEqual(['4 changes', 'a password is hashed'])
})

describe('clients', () => {
  test('changed members are named and changed, and what stays stays', async () => {
    await bench.provision({ clients: [SPA, REPORTS] })
    const changed = { ...SPA, client_name: 'Notes', redirect_uris: ['https://spa.example/other'] }
    expect(changesOf(await bench.provision({ clients: [changed, REPORTS] }))).toEqual([
      'update client spa client_name redirect_uris',
    ])
    expect(await bench.db.client.findUniqueOrThrow({ where: { id: 'spa' } })).toMatchObject({
      metadata: { client_name: 'Notes', redirect_uris: ['https://spa.example/other'] },
    })
    expect(await revocations()).toEqual([])
  })

  test('ST1 only the digest of a secret is stored, and the same secret is no change', async () => {
    await bench.provision({ clients: [REPORTS] })
    const [row, ...others] = await bench.db.clientSecret.findMany({ where: { clientId: 'reports' } })
    expect(others).toEqual([])
    expect(Buffer.from(row?.digest ?? []).toString('hex')).toBe(createHash('sha256').update(SECRET).digest('hex'))
    expect(JSON.stringify(await bench.db.client.findMany())).not.toContain(SECRET)
    expect(changesOf(await bench.provision({ clients: [REPORTS] }))).toEqual([])
    expect(await bench.db.clientSecret.findMany({ where: { clientId: 'reports' } })).toEqual([row])
  })

  test('another secret takes the place of the one before at once', async () => {
    await bench.provision({ clients: [REPORTS] })
    const [before] = await bench.db.clientSecret.findMany()
    const other = { ...REPORTS, client_secret: 'another-secret-of-the-reports-client-2' }
    expect(changesOf(await bench.provision({ clients: [other] }))).toEqual(['update client reports client_secret'])
    const after = await bench.db.clientSecret.findMany()
    expect(after).toHaveLength(1)
    expect(after[0]?.id).not.toBe(before?.id)
  })

  test('a secret may stand in a file of its own, beside the provision file', async () => {
    bench.write('reports.secret', `${SECRET}\n`)
    const { client_secret, ...reports } = REPORTS
    await bench.provision({ clients: [{ ...reports, client_secret_file: 'reports.secret' }] })
    expect(changesOf(await bench.provision({ clients: [{ ...reports, client_secret }] }))).toEqual([])
  })

  test('without a secret in the file the stored one stays, and a client that has none is refused', async () => {
    await bench.provision({ clients: [REPORTS] })
    const { client_secret: _, ...reports } = REPORTS
    expect(changesOf(await bench.provision({ clients: [reports] }))).toEqual([])
    expect(await bench.db.clientSecret.count()).toBe(1)
    expect(await faultsOf({ clients: [{ ...reports, client_id: 'other' }] })).toContain(
      'client_secret or client_secret_file is missing',
    )
  })

  test('a client that no longer authenticates by a secret loses it', async () => {
    const app = { client_id: 'app', client_secret: SECRET, redirect_uris: ['https://app.example/cb'] }
    await bench.provision({ clients: [app] })
    const { client_secret: _, ...open } = { ...app, token_endpoint_auth_method: 'none' }
    expect(changesOf(await bench.provision({ clients: [open] }))).toEqual([
      'update client app token_endpoint_auth_method client_secret',
    ])
    expect(await bench.db.clientSecret.count()).toBe(0)
  })

  test('what a client may no longer ask for ends with its access tokens', async () => {
    await bench.provision({ clients: [REPORTS], resource_servers: [SERVER] })
    await bench.provision({ clients: [{ ...REPORTS, scope: 'notes:write' }], resource_servers: [SERVER] })
    const [entry, ...others] = await revocations()
    expect(others).toEqual([])
    expect(entry).toMatchObject({ kind: 'client_id', value: 'reports', reason: 'provisioned' })
    expect(entry?.before).toBeInstanceOf(Date)
    await bench.provision({ clients: [{ ...REPORTS, scope: 'notes:write notes:read' }], resource_servers: [SERVER] })
    expect(await revocations()).toHaveLength(1)
  })

  test('one that was registered by hand belongs to the file from now on', async () => {
    await bench.provision({ clients: [SPA] })
    await bench.db.client.update({ where: { id: 'spa' }, data: { managedBy: null } })
    expect(changesOf(await bench.provision({ clients: [SPA] }))).toEqual(['update client spa managed by the provision file'])
    expect(changesOf(await bench.provision({ clients: [SPA] }))).toEqual([])
  })

  test.each([
    ['demo', 'npx latchkey demo remove'],
    ['latchkey', 'the server’s own'],
  ])('one that belongs to %s is left alone', async (managedBy, why) => {
    await bench.provision({ clients: [SPA] })
    await bench.db.client.update({ where: { id: 'spa' }, data: { managedBy } })
    expect(await faultsOf({ clients: [SPA] })).toContain(why)
  })

  test('one that is stored in part, as another version may have done, does not stand in the way', async () => {
    await bench.db.client.create({ data: { id: 'own', metadata: { scope: 'openid' }, managedBy: 'latchkey' } })
    await bench.db.client.create({ data: { id: 'spa', metadata: [], managedBy: 'provision' } })
    const [change] = (await bench.provision({ clients: [SPA] })).changes
    expect(change).toMatchObject({
      action: 'update',
      name: 'spa',
      members: ['redirect_uris', 'scope', 'token_endpoint_auth_method'],
    })
    expect(changesOf(await bench.provision({ clients: [SPA] }))).toEqual([])
  })

  test('a scope that no resource server has is worth a note', async () => {
    expect((await bench.provision({ clients: [SPA] })).notes).toEqual([
      'client spa has the scope notes:read, which no resource server has',
    ])
  })
})

describe('resource servers', () => {
  test('changed members are named and changed', async () => {
    await bench.provision({ clients: [SPA, REPORTS], resource_servers: [SERVER] })
    const changed = { ...SERVER, access_token_format: 'opaque', access_token_ttl: 300, clients: ['spa', 'reports'] }
    expect(changesOf(await bench.provision({ clients: [SPA, REPORTS], resource_servers: [changed] }))).toEqual([
      `update resource_server ${NOTES} access_token_format access_token_ttl clients`,
    ])
    expect(await bench.db.resourceServerClient.count()).toBe(2)
    expect(await revocations()).toEqual([])
  })

  test('the order of scopes and clients is no change', async () => {
    await bench.provision({ clients: [SPA, REPORTS], resource_servers: [{ ...SERVER, clients: ['spa', 'reports'] }] })
    const turned = { ...SERVER, scopes: ['notes:write', 'notes:read'], clients: ['reports', 'spa'] }
    expect(changesOf(await bench.provision({ clients: [SPA, REPORTS], resource_servers: [turned] }))).toEqual([])
  })

  test('a scope that goes ends the access tokens of the clients that could carry it', async () => {
    await bench.provision({ clients: [SPA, REPORTS], resource_servers: [SERVER] })
    await bench.provision({ clients: [SPA, REPORTS], resource_servers: [{ ...SERVER, scopes: ['notes:write'] }] })
    expect((await revocations()).map(({ kind, value }) => `${kind} ${value}`)).toEqual(['client_id reports', 'client_id spa'])
  })

  test('its life of access tokens is that of the settings, where the file has none', async () => {
    const short = await openWorkbench({ LATCHKEY_ACCESS_TOKEN_TTL: '120' })
    try {
      await short.provision({ resource_servers: [{ identifier: NOTES, scopes: ['a'] }] })
      expect(await short.db.resourceServer.findMany()).toMatchObject([{ accessTokenTtl: 120 }])
    } finally {
      await short.close()
    }
  })

  test('a client that there is not yet is noted, and acts for it once it is there', async () => {
    const file = { resource_servers: [{ ...SERVER, clients: ['reports', 'later'] }] }
    const first = await bench.provision({ clients: [REPORTS], ...file })
    expect(first.notes.join()).toContain('there is no client later yet')
    expect((await bench.provision({ clients: [REPORTS], ...file })).changes).toEqual([])
    const later = { ...REPORTS, client_id: 'later' }
    const second = await bench.provision({ clients: [REPORTS, later], ...file })
    expect(second.changes.map(({ kind, action }) => `${action} ${kind}`)).toEqual(['create client', 'update resource_server'])
    expect(await bench.db.resourceServerClient.count({ where: { clientId: 'later' } })).toBe(1)
  })

  test('two default ones with one scope are refused', async () => {
    const other = { ...SERVER, identifier: 'https://other.example/', clients: [] }
    expect(await faultsOf({ clients: [REPORTS], resource_servers: [SERVER, other] })).toContain('both default')
    expect(await bench.db.resourceServer.count()).toBe(0)
    await bench.provision({ clients: [REPORTS], resource_servers: [SERVER] })
    expect(await faultsOf({ resource_servers: [other] })).toContain('both default')
  })

  test('being the default can move from one to another', async () => {
    const other = { identifier: 'https://a.example/', scopes: ['notes:read'], default: false }
    await bench.provision({ clients: [REPORTS], resource_servers: [SERVER, other] })
    const moved = [
      { ...SERVER, default: false },
      { ...other, default: true },
    ]
    expect((await bench.provision({ clients: [REPORTS], resource_servers: moved })).changes).toHaveLength(2)
  })
})

describe('accounts', () => {
  test('what the file states is changed, and a password only set where there is none', async () => {
    await bench.provision({ accounts: [ADA] })
    const [before] = await bench.db.password.findMany()
    const changed = {
      ...ADA,
      name: 'Ada Lovelace',
      roles: ['owner', 'auditor'],
      profile: { locale: 'en' },
      password: 'another one altogether',
    }
    expect(changesOf(await bench.provision({ accounts: [changed] }))).toEqual([
      'update account Ada@People.example name profile roles',
    ])
    expect(await bench.db.password.findMany()).toEqual([before])
    expect(await bench.db.account.findMany()).toMatchObject([
      { name: 'Ada Lovelace', profile: { locale: 'en' }, roles: ['owner', 'auditor'] },
    ])
    expect(changesOf(await bench.provision({ accounts: [changed] }))).toEqual([])
    await bench.db.password.deleteMany()
    expect(changesOf(await bench.provision({ accounts: [changed] }))).toEqual(['update account Ada@People.example password'])
  })

  test('a password that was taken is not brought back by the file that once set it', async () => {
    await bench.provision({
      accounts: [ADA, { email: 'root@people.example', roles: ['owner'], password: 'a difference engine 1822' }],
    })
    const ada = await bench.db.account.findFirstOrThrow({ where: { emailKey: 'ada@people.example' } })
    await bench.deps.endings.run('account_contained', (ending) =>
      containAccount(ending, ada.id, { actor: 'system', reason: 'somebody else may have it' }),
    )
    for (const password of [ADA.password, 'a password that the file has anew']) {
      const report = await bench.provision({ accounts: [{ ...ADA, password }] })
      expect(changesOf(report)).toEqual([])
      expect(report.notes).toContainEqual(expect.stringMatching(/^account Ada@People.example had a password that lets nobody in/))
    }
    expect(await bench.db.password.count({ where: { accountId: ada.id, retiredAt: null } })).toBe(0)
  })

  test('what the file does not state stays', async () => {
    await bench.provision({ accounts: [ADA] })
    expect(changesOf(await bench.provision({ accounts: [{ email: 'ADA@people.example' }] }))).toEqual([])
    expect(await bench.db.account.findMany()).toMatchObject([{ name: 'Ada', roles: ['owner'], emailVerified: true }])
  })

  test('an imported hash is stored as it is, and lets the person in', async () => {
    const hash = await bench.deps.passwords.hash('a moth in relay 70 panel F')
    await bench.provision({ accounts: [{ email: 'grace@people.example', password_hash: hash }] })
    expect(await bench.db.password.findMany()).toMatchObject([{ hash }])
  })

  test('a role that goes ends the access tokens that carry it', async () => {
    await bench.provision({ accounts: [ADA, { email: 'bo@people.example', roles: ['operator'] }] })
    await bench.provision({ accounts: [ADA, { email: 'bo@people.example', roles: ['operator', 'auditor'] }] })
    expect(await revocations()).toEqual([])
    await bench.provision({ accounts: [ADA, { email: 'bo@people.example', roles: ['auditor'] }] })
    const bo = await bench.db.account.findUniqueOrThrow({ where: { emailKey: 'bo@people.example' } })
    expect(await revocations()).toMatchObject([{ kind: 'sub', value: bo.id, before: expect.any(Date) }])
    // The event is that of whoever changes roles, with what they were.
    const events = await bench.db.auditEvent.findMany({ where: { accountId: bo.id }, orderBy: { id: 'asc' } })
    expect(events.map(({ name, detail }) => [name, detail])).toEqual([
      ['account.created', { roles: ['operator'] }],
      ['account.roles_changed', { roles: ['operator', 'auditor'], roles_before: ['operator'] }],
      ['account.roles_changed', { roles: ['auditor'], roles_before: ['operator', 'auditor'] }],
    ])
  })

  test('AD4 the last owner cannot be demoted', async () => {
    await bench.provision({ accounts: [ADA] })
    expect(await faultsOf({ accounts: [{ ...ADA, roles: [] }] })).toContain('would leave no owner')
    // An owner who has no password cannot sign in, and is none that could be left.
    const bo = { email: 'bo@people.example', roles: ['owner'] }
    expect(await faultsOf({ accounts: [{ ...ADA, roles: [] }, bo] })).toContain('would leave no owner')
    expect(
      changesOf(
        await bench.provision({
          accounts: [
            { ...ADA, roles: [] },
            { ...bo, password: 'a difference engine 1822' },
          ],
        }),
      ),
    ).toHaveLength(2)
    const [ada] = await bench.db.account.findMany({ where: { name: 'Ada' } })
    expect(ada?.roles).toEqual([])
  })

  test('AD4 an owner who is suspended is none that could be left', async () => {
    const bo = { email: 'bo@people.example', roles: ['owner'], password: 'a difference engine 1822' }
    await bench.provision({ accounts: [ADA, bo] })
    await bench.db.account.update({ where: { emailKey: bo.email }, data: { status: 'suspended' } })
    expect(await faultsOf({ accounts: [{ ...ADA, roles: [] }, bo] })).toContain('would leave no owner')
    expect((await bench.provision({ accounts: [bo] }, { prune: true })).notes).toContain(
      'account Ada@People.example is the last owner and stays',
    )
  })

  test('an account that a person made keeps being that person’s, and is never pruned', async () => {
    await bench.db.account.create({
      data: { id: 'acc_own', email: 'own@people.example', emailKey: 'own@people.example', roles: ['owner'] },
    })
    await bench.provision({ accounts: [{ email: 'own@people.example', name: 'Own' }] })
    expect(await bench.db.account.findMany()).toMatchObject([{ name: 'Own', managedBy: null }])
    expect(changesOf(await bench.provision({}, { prune: true }))).toEqual([])
  })
})

describe('what the file no longer has', () => {
  test('stays, with a note', async () => {
    await bench.provision(ALL)
    const report = await bench.provision({})
    expect(report.changes).toEqual([])
    expect(report.notes).toEqual([
      'client reports is no longer in the file; --prune removes it',
      'client spa is no longer in the file; --prune removes it',
      `resource server ${NOTES} is no longer in the file; --prune removes it`,
      'account Ada@People.example is no longer in the file; --prune removes it',
    ])
  })

  test('goes with --prune, together with every token of its; the last owner stays', async () => {
    await bench.provision({ ...ALL, accounts: [ADA, { email: 'bo@people.example' }] })
    const bo = await bench.db.account.findUniqueOrThrow({ where: { emailKey: 'bo@people.example' } })
    const report = await bench.provision({ clients: [SPA] }, { prune: true })
    expect(changesOf(report)).toEqual([
      `delete resource_server ${NOTES}`,
      'delete client reports',
      'delete account bo@people.example',
    ])
    expect(report.notes).toContain('account Ada@People.example is the last owner and stays')
    expect(await bench.db.clientSecret.count()).toBe(0)
    const entries = await revocations()
    expect(entries.map(({ kind, value }) => `${kind} ${value}`)).toEqual(
      expect.arrayContaining(['client_id reports', 'client_id spa', `sub ${bo.id}`]),
    )
    // An account's id is never given again; a client's can be.
    expect(entries.find(({ kind }) => kind === 'sub')?.before).toBeNull()
    expect(await auditNames()).toEqual(expect.arrayContaining(['resource_server.deleted', 'client.deleted', 'account.deleted']))
  })

  test('the apps at which a removed person is signed in are told', async () => {
    const own = { ...SPA, backchannel_logout_uri: 'https://spa.example/logout' }
    await bench.provision({ clients: [own], accounts: [ADA, { email: 'bo@people.example' }] })
    const bo = await bench.db.account.findUniqueOrThrow({ where: { emailKey: 'bo@people.example' } })
    await signInAt(bench.db, bo.id, own.client_id)
    await bench.provision({ clients: [own], accounts: [ADA] }, { prune: true })
    expect(await bench.db.logoutNotification.findMany()).toMatchObject([
      { accountId: bo.id, clientId: own.client_id, cause: 'provisioned', state: 'waiting' },
    ])
  })

  test('of two owners one stays', async () => {
    await bench.provision({ accounts: [ADA, { email: 'bo@people.example', roles: ['owner'] }] })
    await bench.provision({}, { prune: true })
    expect(await bench.db.account.count({ where: { roles: { has: 'owner' } } })).toBe(1)
  })

  test('what others made stays', async () => {
    await bench.provision({ clients: [SPA, REPORTS] })
    await bench.db.client.update({ where: { id: 'spa' }, data: { managedBy: 'demo' } })
    await bench.db.client.update({ where: { id: 'reports' }, data: { managedBy: null } })
    expect(changesOf(await bench.provision({}, { prune: true }))).toEqual([])
  })
})

describe('all or nothing', () => {
  test('a file with a fault changes nothing', async () => {
    await expect(bench.provision({ clients: [SPA, { client_id: 'broken' }], accounts: [ADA] })).rejects.toThrow(
      ProvisionFileError,
    )
    expect(await bench.db.client.count()).toBe(0)
    expect(await bench.db.account.count()).toBe(0)
  })

  test('a failure half-way changes nothing', async () => {
    const broken = { ...bench.deps, passwords: { ...bench.deps.passwords, hash: () => Promise.reject(new Error('no memory')) } }
    await expect(provision(broken, { file: bench.write('p.json', JSON.stringify(ALL)) })).rejects.toThrow('no memory')
    expect(await bench.db.client.count()).toBe(0)
    expect(await auditNames()).toEqual([])
  })

  test('two processes that start at once provision once', async () => {
    const file = bench.write('both.json', JSON.stringify(ALL))
    const reports = await Promise.all(Array.from({ length: 4 }, () => provision(bench.deps, { file })))
    expect(reports.map((report) => report.changes.length).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 4])
    expect(await auditNames()).toHaveLength(5)
  })
})

test('settings of a file that is not the server’s own are checked, and said to have no effect', async () => {
  const report = await bench.provision({ settings: { access_token_ttl: '10m' } })
  expect(report.notes).toEqual([expect.stringContaining('PROVISION_FILE')])
})

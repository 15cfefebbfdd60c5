// One-time links by which the first owner is made.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { OwnerExists } from '../../server/accounts/setup-links.ts'
import { ORIGIN, openPeople, type People } from './people.ts'

let people: People
beforeEach(async () => {
  people = await openPeople()
})
afterEach(() => people.close())

const OWNER = { email: 'ada@example.com', name: 'Ada Lovelace', password: 'tangerine orbit 42', origin: ORIGIN }

test('LG14: a link makes an owner who can sign in, once', async () => {
  expect(await people.setupLinks.ownerExists()).toBe(false)
  const { token, expiresAt } = await people.setupLinks.issue()
  expect(token).toMatch(/^setup_[\w-]{43}$/)
  expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(1_790_000)
  expect(await people.setupLinks.isLive(token)).toBe(true)
  const outcome = await people.setupLinks.redeem(token, OWNER)
  expect(outcome).toMatchObject({ outcome: 'done', account: { email: OWNER.email, roles: ['owner'] } })
  expect(await people.setupLinks.ownerExists()).toBe(true)
  expect(await people.setupLinks.isLive(token)).toBe(false)
  expect(await people.setupLinks.redeem(token, { ...OWNER, email: 'eve@example.com' })).toEqual({ outcome: 'dead_link' })
  expect(await people.signIn.signIn({ username: OWNER.email, password: OWNER.password, origin: ORIGIN })).toMatchObject({
    outcome: 'ok',
  })
  expect(await people.audit('account.created')).toHaveLength(1)
  expect(await people.audit('setup.completed')).toMatchObject([{ address: ORIGIN.address }])
})

test('LG14 I1: fifty at once make one owner', async () => {
  const { token } = await people.setupLinks.issue()
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) => people.setupLinks.redeem(token, { ...OWNER, email: `owner${index}@example.com` })),
  )
  expect(outcomes.filter(({ outcome }) => outcome === 'done')).toHaveLength(1)
  expect(await people.db.account.count()).toBe(1)
})

test('LG14: nor do two links that are made and used at once', async () => {
  const links = await Promise.all([people.setupLinks.issue(), people.setupLinks.issue(), people.setupLinks.issue()])
  // Each of two servers that start at once has printed one, and all are good.
  expect(await Promise.all(links.map(({ token }) => people.setupLinks.isLive(token)))).toEqual([true, true, true])
  const outcomes = await Promise.all(
    links.map(({ token }, index) => people.setupLinks.redeem(token, { ...OWNER, email: `owner${index}@example.com` })),
  )
  expect(outcomes.filter(({ outcome }) => outcome === 'done')).toHaveLength(1)
  expect(await Promise.all(links.map(({ token }) => people.setupLinks.isLive(token)))).toEqual([false, false, false])
})

test('the link is not in the database', async () => {
  const { token } = await people.setupLinks.issue()
  const [link] = await people.db.setupLink.findMany()
  expect(link?.digest).toHaveLength(32)
  expect(Buffer.from(link?.digest ?? []).toString('latin1')).not.toContain(token)
})

describe('a link that makes nothing', () => {
  test('an expired one', async () => {
    const { token } = await people.setupLinks.issue()
    await people.advance(1799)
    expect(await people.setupLinks.isLive(token)).toBe(true)
    await people.advance(1801)
    expect(await people.setupLinks.isLive(token)).toBe(false)
    expect(await people.setupLinks.redeem(token, OWNER)).toEqual({ outcome: 'dead_link' })
  })

  test('one that never was, without any work', async () => {
    await people.setupLinks.issue()
    for (const token of ['', 'setup_', 'setup_\u0000', 'x'.repeat(60_000)]) {
      expect(await people.setupLinks.redeem(token, OWNER)).toEqual({ outcome: 'dead_link' })
    }
    expect(people.jobs).toEqual([])
  })

  test('one beside which another was used', async () => {
    const first = await people.setupLinks.issue()
    const second = await people.setupLinks.issue()
    expect(await people.setupLinks.redeem(second.token, OWNER)).toMatchObject({ outcome: 'done' })
    expect(await people.setupLinks.redeem(first.token, OWNER)).toEqual({ outcome: 'dead_link' })
  })

  test('one that is left when an owner came another way', async () => {
    const { token } = await people.setupLinks.issue()
    await people.accounts.create({ email: 'provisioned@example.com', roles: ['owner'] })
    expect(await people.setupLinks.redeem(token, OWNER)).toEqual({ outcome: 'dead_link' })
    await expect(people.setupLinks.issue()).rejects.toThrow(OwnerExists)
  })
})

test('an owner who is suspended does not count: there must be a way back', async () => {
  const { id } = await people.accounts.create({ email: 'gone@example.com', roles: ['owner'] })
  await people.db.account.update({ where: { id }, data: { status: 'suspended' } })
  expect(await people.setupLinks.ownerExists()).toBe(false)
  expect(await people.setupLinks.redeem((await people.setupLinks.issue()).token, OWNER)).toMatchObject({ outcome: 'done' })
})

describe('what is wrong is said, and the link stays', () => {
  test.each([
    ['email_invalid', { email: 'ada' }],
    ['email_taken', { email: 'TAKEN@example.com' }],
    ['name_invalid', { name: 'a\u0000b' }],
    ['too_short', { password: 'short' }],
    ['common', { password: 'password1234' }],
    ['contains_name', { password: 'adalovelace!' }],
  ])('%s', async (reason, input) => {
    await people.accounts.create({ email: 'taken@example.com' })
    const { token } = await people.setupLinks.issue()
    expect(await people.setupLinks.redeem(token, { ...OWNER, ...input })).toEqual({ outcome: 'refused', reason })
    expect(await people.setupLinks.isLive(token)).toBe(true)
    expect(await people.setupLinks.ownerExists()).toBe(false)
  })
})

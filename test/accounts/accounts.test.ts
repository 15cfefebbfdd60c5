// Accounts: how they are made and found.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { EmailTaken, InvalidAccount } from '../../server/accounts/accounts.ts'
import { ORIGIN, openPeople, type People } from './people.ts'

let people: People
beforeAll(async () => {
  people = await openPeople()
})
afterAll(() => people.close())

test('an account is made and found', async () => {
  const made = await people.accounts.create({
    email: 'Ada@Example.com ',
    emailVerified: true,
    name: 'Ada Lovelace',
    roles: ['operator'],
    profile: { locale: 'en-GB' },
    managedBy: 'provision',
  })
  expect(made.id).toMatch(/^acc_[\w-]{22}$/)
  expect(made).toEqual({
    id: made.id,
    email: 'Ada@Example.com',
    emailVerified: true,
    name: 'Ada Lovelace',
    roles: ['operator'],
    profile: { locale: 'en-GB' },
    managedBy: 'provision',
    status: 'active',
  })
  expect(await people.accounts.findById(made.id)).toEqual(made)
  expect(await people.accounts.findByEmail('ａｄａ@example.com.')).toEqual(made)
  expect(await people.accounts.findByEmail('ada@example.co')).toBeUndefined()
  expect(await people.accounts.findByEmail('ada\u0000@example.org')).toBeUndefined()
})

describe('LG6: one account for each address', () => {
  test('of many spellings at once one is made, and the others are told', async () => {
    const spellings = ['john@example.com', 'John@example.com', 'JOHN@EXAMPLE.COM', 'john@example.com.', ' john@example.com']
    const many = Array.from({ length: 20 }, (_, index) => spellings[index % spellings.length] ?? '')
    const outcomes = await Promise.allSettled(many.map((email) => people.accounts.create({ email })))
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(EmailTaken)
  })

  test('a taken address leaves the transaction of the caller usable', async () => {
    await people.accounts.create({ email: 'taken@example.com' })
    const roles = await people.db.$transaction(async (tx) => {
      await expect(people.accounts.create({ email: 'TAKEN@example.com' }, tx)).rejects.toThrow(EmailTaken)
      return (await people.accounts.create({ email: 'free@example.com', roles: ['helpdesk'] }, tx)).roles
    })
    expect(roles).toEqual(['helpdesk'])
  })
})

test('an account is made whole or not at all', async () => {
  await expect(
    people.db.$transaction(async (tx) => {
      await people.accounts.create({ email: 'half@example.com', password: 'a password of hers' }, tx)
      throw new Error('later')
    }),
  ).rejects.toThrow('later')
  expect(await people.accounts.findByEmail('half@example.com')).toBeUndefined()
})

test.each([
  ['an address that is none', { email: 'ada' }],
  ['a hash of no known form', { email: 'a@example.com', passwordHash: 'plain text' }],
  ['a hash with absurd parameters', { email: 'a@example.com', passwordHash: `$2b$31$${'a'.repeat(53)}` }],
  ['a password and a hash', { email: 'a@example.com', password: 'one', passwordHash: `$2b$10$${'a'.repeat(53)}` }],
  ['a name with control characters', { email: 'a@example.com', name: 'A\u0000da' }],
  ['a name that turns what follows round', { email: 'a@example.com', name: 'A\u202eda' }],
  ['a name that is too long', { email: 'a@example.com', name: 'a'.repeat(201) }],
])('no account from %s', async (_what, input) => {
  await expect(people.accounts.create(input)).rejects.toThrow(InvalidAccount)
  expect(await people.accounts.findByEmail('a@example.com')).toBeUndefined()
})

test('a name may have what joins its letters, or keeps them apart', async () => {
  const { name } = await people.accounts.create({ email: 'joined@example.com', name: 'علی\u200cرضا' })
  expect(name).toBe('علی\u200cرضا')
})

test('a name is changed, taken away, and its change is written down once', async () => {
  const { id } = await people.accounts.create({ email: 'grace@example.com', name: 'Grace' })
  await people.accounts.rename({ accountId: id, name: '  Grace Hopper ', origin: ORIGIN })
  await people.accounts.rename({ accountId: id, name: 'Grace Hopper', origin: ORIGIN })
  expect((await people.accounts.findById(id))?.name).toBe('Grace Hopper')
  expect(await people.audit('account.renamed')).toMatchObject([
    { accountId: id, actor: id, address: ORIGIN.address, detail: { changes: { name: expect.any(Object) } } },
  ])
  await people.accounts.rename({ accountId: id, name: '', origin: ORIGIN })
  expect(await people.accounts.findById(id)).not.toHaveProperty('name')
  await expect(people.accounts.rename({ accountId: id, name: 'a\u0007b', origin: ORIGIN })).rejects.toThrow(InvalidAccount)
})

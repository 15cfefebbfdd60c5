// Changing one's own password.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createPasswordChange } from '../../server/accounts/password-change.ts'
import { ENDED, ORIGIN, openPeople, type People, POLICY } from './people.ts'

let people: People
let email: string
let accountId: string
let count = 0

const FIRST = 'tangerine orbit 0'

beforeAll(async () => {
  people = await openPeople()
})
afterAll(() => people.close())

beforeEach(async () => {
  count += 1
  email = `changer${count}@example.com`
  accountId = (await people.accounts.create({ email, name: 'Ada Lovelace', password: FIRST })).id
  people.ends.length = 0
})

function change(current: string, next: string) {
  return people.changePassword({ accountId, sessionId: 'ses_here', current, next, origin: ORIGIN })
}

function refused(reason: string) {
  return { outcome: 'refused', reason }
}

function stored() {
  return people.db.password.findMany({ where: { accountId }, orderBy: { id: 'asc' } })
}

test('PW7: the new password takes the place of the old one, and other sessions end in the same transaction', async () => {
  expect(await change(FIRST, 'tangerine orbit 1')).toEqual({ outcome: 'changed', ended: ENDED })
  const signIn = (password: string) => people.signIn.signIn({ username: email, password, origin: ORIGIN })
  expect(await signIn(FIRST)).toMatchObject({ outcome: 'refused' })
  expect(await signIn('tangerine orbit 1')).toMatchObject({ outcome: 'ok' })
  expect(people.ends).toEqual([{ accountId, keepSessionId: 'ses_here' }])
  expect((await people.audit('password.changed')).at(-1)).toMatchObject({ accountId, actor: accountId, sessionId: 'ses_here' })
})

test('PW7: when sessions cannot be ended nothing is changed', async () => {
  const failing = createPasswordChange({
    ...people,
    policy: POLICY,
    endOthers: () => Promise.reject(new Error('not ended')),
  })
  const request = { accountId, sessionId: 'ses_here', current: FIRST, next: 'tangerine orbit 1', origin: ORIGIN }
  await expect(failing(request)).rejects.toThrow('not ended')
  expect(await stored()).toMatchObject([{ retiredAt: null }])
})

describe('PW1: the current password is asked', () => {
  test('a wrong one changes nothing, and is written down', async () => {
    expect(await change('not it', 'tangerine orbit 1')).toEqual(refused('wrong_current'))
    expect(await stored()).toHaveLength(1)
    expect(people.ends).toEqual([])
    expect((await people.audit('password.change_refused')).at(-1)).toMatchObject({ accountId, reason: 'wrong_current' })
  })

  test('LG9: guesses at it are counted: ten are looked at, and outsiders cannot use them up', async () => {
    for (let index = 0; index < 12; index += 1) await people.signIn.signIn({ username: email, password: 'wrong', origin: ORIGIN })
    people.jobs.length = 0
    const guesses = await Promise.all(Array.from({ length: 30 }, (_, index) => change(`guess ${index}`, 'tangerine orbit 1')))
    expect(guesses).toEqual(Array.from({ length: 30 }, () => refused('wrong_current')))
    expect(people.jobs).toHaveLength(10)
  })

  test('of a suspended account, or one without a password, none is changed', async () => {
    await people.db.account.update({ where: { id: accountId }, data: { status: 'suspended' } })
    expect(await change(FIRST, 'tangerine orbit 1')).toEqual(refused('wrong_current'))
    const { id } = await people.accounts.create({ email: `none${count}@example.com` })
    const request = { accountId: id, sessionId: 'ses_here', current: '', next: 'tangerine orbit 1', origin: ORIGIN }
    expect(await people.changePassword(request)).toEqual(refused('wrong_current'))
  })
})

test('PW3: a password that is too easy is refused with the reason', async () => {
  expect(await change(FIRST, 'short')).toEqual(refused('too_short'))
  expect(await change(FIRST, 'x1'.repeat(129))).toEqual(refused('too_long'))
  expect(await change(FIRST, 'Password1234')).toEqual(refused('common'))
  expect(await change(FIRST, 'ada-lovelace-1843')).toEqual(refused('contains_name'))
  expect(await change(FIRST, email)).toEqual(refused('contains_name'))
  expect(await stored()).toHaveLength(1)
})

describe('PW2: the last five are refused', () => {
  test('by verifying against their hashes, the current one among them, and the sixth is taken again', async () => {
    const password = (index: number) => `tangerine orbit ${index}`
    for (let index = 0; index < 5; index += 1)
      expect(await change(password(index), password(index + 1))).toEqual({ outcome: 'changed', ended: ENDED })
    for (const index of [5, 4, 3, 2, 1]) expect(await change(password(5), password(index))).toEqual(refused('used_before'))
    expect(await change(password(5), `${password(4)} `)).toEqual({ outcome: 'changed', ended: ENDED })
    expect(await change(`${password(4)} `, password(0))).toEqual({ outcome: 'changed', ended: ENDED })
  })

  test('no more hashes are kept than are compared, and none is the password', async () => {
    for (let index = 0; index < 8; index += 1) await change(`tangerine orbit ${index}`, `tangerine orbit ${index + 1}`)
    const rows = await stored()
    expect(rows).toHaveLength(5)
    expect(rows.filter(({ retiredAt }) => retiredAt === null)).toHaveLength(1)
    for (const { hash } of rows) expect(hash).toMatch(/^\$argon2id\$/)
  })
})

test('of two changes at once one is made', async () => {
  const outcomes = await Promise.all(Array.from({ length: 5 }, (_, index) => change(FIRST, `tangerine orbit ${index + 1}`)))
  expect(outcomes.filter(({ outcome }) => outcome === 'changed')).toHaveLength(1)
  expect((await stored()).filter(({ retiredAt }) => retiredAt === null)).toHaveLength(1)
  expect(people.ends).toHaveLength(1)
})

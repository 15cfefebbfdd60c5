// Signing in: the same answer and the same work for everyone who may not, and guesses that are counted and slowed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import bcrypt from 'bcryptjs'
import { HashingBusy } from '../../server/accounts/hashing-pool.ts'
import { createSignIn } from '../../server/accounts/sign-in.ts'
import { ORIGIN, openPeople, type People } from './people.ts'

let people: People
beforeAll(async () => {
  people = await openPeople()
})
afterAll(() => people.close())

const PASSWORD = 'tangerine orbit 42'
let count = 0

/** A new account with a known password. */
async function someone(more: { passwordHash?: string } = {}) {
  count += 1
  const email = `person${count}@example.com`
  const account = await people.accounts.create({ email, ...(more.passwordHash === undefined ? { password: PASSWORD } : more) })
  return { email, account }
}

function signIn(username: string, password: string, address = ORIGIN.address) {
  return people.signIn.signIn({ username, password, origin: { ...ORIGIN, address } })
}

async function currentHash(accountId: string): Promise<string> {
  return (await people.db.password.findFirstOrThrow({ where: { accountId, retiredAt: null } })).hash
}

test('the right password signs in, and it is written down', async () => {
  const { email, account } = await someone()
  expect(await signIn(email.toUpperCase(), PASSWORD)).toEqual({ outcome: 'ok', account, afterEnd: '/' })
  expect(await people.audit('sign_in.succeeded')).toMatchObject([
    { accountId: account.id, actor: account.id, address: ORIGIN.address },
  ])
})

describe('LG1: nothing is told by a refusal', () => {
  test('the answer and the work are the same whatever is wrong', async () => {
    const wrong = await someone()
    const suspended = await someone()
    const without = await people.accounts.create({ email: 'no-password@example.com' })
    await people.db.account.update({ where: { id: suspended.account.id }, data: { status: 'suspended' } })
    const guesses: [string, string][] = [
      [wrong.email, 'not the password'],
      ['nobody@example.com', PASSWORD],
      [suspended.email, PASSWORD],
      [without.email, PASSWORD],
      ['', ''],
      ['not an address', 'x'],
    ]
    for (const [username, password] of guesses) {
      people.jobs.length = 0
      expect(await signIn(username, password)).toEqual({ outcome: 'refused' })
      expect(people.jobs).toHaveLength(1)
      expect(people.jobs[0]).toMatchObject({ kind: 'verify', hash: expect.stringMatching(/^\$argon2id\$v=19\$m=1024,t=2,p=1\$/) })
    }
  })

  test('the reason is in the audit log, and what was typed is not', async () => {
    const typed = 'my secret password in the wrong field'
    await signIn(typed, 'x')
    const { email, account } = await someone()
    await signIn(email, 'x')
    const events = (await people.audit('sign_in.failed')).slice(-2)
    expect(events).toMatchObject([
      { reason: 'unknown_account', accountId: null, detail: { subject: expect.stringMatching(/^[0-9a-f]{16}$/) } },
      { reason: 'wrong_password', accountId: account.id, detail: {} },
    ])
    expect(JSON.stringify(events, (_key, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain('secret')
    const kept = await people.db.signInFailure.findMany()
    expect(kept.length).toBeGreaterThan(0)
    for (const { key } of kept) expect(Buffer.from(key).toString('latin1')).not.toContain('example')
  })
})

describe('LG13: weaker hashes are replaced at sign-in', () => {
  test('an imported one by argon2id, of the whole password', async () => {
    const long = `${'tangerine '.repeat(8)}and more`
    const { email, account } = await someone({ passwordHash: await bcrypt.hash(long, 4) })
    expect(await signIn(email, 'wrong')).toMatchObject({ outcome: 'refused' })
    expect(await currentHash(account.id)).toMatch(/^\$2b\$/)
    expect(await signIn(email, long)).toMatchObject({ outcome: 'ok' })
    expect(await currentHash(account.id)).toMatch(/^\$argon2id\$v=19\$m=1024,t=2,p=1\$/)
    expect(await signIn(email, long)).toMatchObject({ outcome: 'ok' })
    expect(await signIn(email, long.slice(0, 72))).toMatchObject({ outcome: 'refused' })
  })

  test('but not over a password that was changed meanwhile', async () => {
    const { email, account } = await someone({ passwordHash: await bcrypt.hash(PASSWORD, 4) })
    const slow = createSignIn({
      db: people.db,
      lockout: people.lockout,
      passwords: {
        ...people.passwords,
        async hash(password) {
          await people.db.password.updateMany({ where: { accountId: account.id }, data: { hash: 'another' } })
          return people.passwords.hash(password)
        },
      },
    })
    await slow.signIn({ username: email, password: PASSWORD, origin: ORIGIN })
    expect(await currentHash(account.id)).toBe('another')
  })

  test('and a hash with absurd parameters lets nobody in', async () => {
    const { email, account } = await someone()
    const planted = '$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY'
    await people.db.password.updateMany({ where: { accountId: account.id }, data: { hash: planted } })
    people.jobs.length = 0
    expect(await signIn(email, PASSWORD)).toEqual({ outcome: 'refused' })
    expect(people.jobs).toEqual([])
  })
})

test.each(['the password was changed', 'the account was suspended'])('no sign-in when %s while it was verified', async (what) => {
  const { email, account } = await someone()
  const slow = createSignIn({
    db: people.db,
    lockout: people.lockout,
    passwords: {
      ...people.passwords,
      async verify(hash, password) {
        const right = await people.passwords.verify(hash, password)
        if (what.includes('suspended'))
          await people.db.account.update({ where: { id: account.id }, data: { status: 'suspended' } })
        else await people.db.password.updateMany({ where: { accountId: account.id }, data: { retiredAt: new Date() } })
        return right
      },
    },
  })
  expect(await slow.signIn({ username: email, password: PASSWORD, origin: ORIGIN })).toEqual({ outcome: 'refused' })
})

describe('LG3, LG7: guesses are slowed', () => {
  test('LG7: a hundred guesses at once count as a hundred: ten are looked at', async () => {
    const { email } = await someone()
    people.jobs.length = 0
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, index) => signIn(email, `guess number ${index}`)))
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['refused']))
    expect(people.jobs).toHaveLength(10)
  })

  test('LG6: every spelling of the address counts as the same account', async () => {
    await someone()
    const spellings = [
      'spelled@example.com',
      'SPELLED@example.com',
      ' spelled@example.com',
      'spelled@example.com.',
      'spelled+x@example.com',
    ]
    people.jobs.length = 0
    for (let index = 0; index < 15; index += 1) await signIn(spellings[index % 5] ?? '', 'x')
    expect(people.jobs).toHaveLength(10)
  })

  test.each(['a person', 'nobody'])(
    'LG3: after ten failures %s waits, ever longer, and is let in after the wait',
    async (who) => {
      const { email } = who === 'nobody' ? { email: 'unknown@example.com' } : await someone()
      for (let index = 0; index < 10; index += 1) expect(await signIn(email, 'wrong')).toEqual({ outcome: 'refused' })
      let ahead = 0
      for (const wait of [15, 30, 60, 120, 240, 480, 900, 900]) {
        people.jobs.length = 0
        expect(await signIn(email, PASSWORD)).toEqual({ outcome: 'refused', retryAfterSeconds: wait })
        expect(people.jobs).toEqual([])
        ahead += wait
        await people.advance(ahead)
        expect(await signIn(email, 'wrong')).toEqual({ outcome: 'refused' })
        expect(people.jobs).toHaveLength(1)
      }
      await people.advance(ahead + 900)
      expect(await signIn(email, PASSWORD)).toMatchObject({ outcome: who === 'nobody' ? 'refused' : 'ok' })
      // And the count begins again.
      if (who !== 'nobody')
        for (let index = 0; index < 9; index += 1) expect(await signIn(email, 'wrong')).toEqual({ outcome: 'refused' })
      if (who !== 'nobody') expect(await signIn(email, PASSWORD)).toMatchObject({ outcome: 'ok' })
      await people.advance(0)
    },
  )

  test('LG3: a stranger who keeps guessing does not keep the owner out of places they know', async () => {
    const { email, account } = await someone()
    await people.db.session.create({
      data: { id: `ses_${account.id}`, accountId: account.id, address: '198.51.100.4', expiresAt: new Date(Date.now() + 1e6) },
    })
    for (let index = 0; index < 12; index += 1) await signIn(email, 'wrong', '203.0.113.9')
    expect(await signIn(email, PASSWORD, '203.0.113.10')).toMatchObject({ outcome: 'refused' })
    expect(await signIn(email, PASSWORD, '198.51.100.4')).toMatchObject({ outcome: 'ok' })
    // It is no way round the count either.
    people.jobs.length = 0
    for (let index = 0; index < 15; index += 1) await signIn(email, 'wrong', '198.51.100.4')
    expect(people.jobs).toHaveLength(10)
  })

  test('failures are forgotten after a day', async () => {
    const { email } = await someone()
    for (let index = 0; index < 11; index += 1) await signIn(email, 'wrong')
    await people.advance(86_400)
    expect(await signIn(email, 'wrong')).toEqual({ outcome: 'refused' })
    expect(await signIn(email, PASSWORD)).toMatchObject({ outcome: 'ok' })
    await people.advance(0)
  })

  test('LG3: an administrator can have them forgotten at once', async () => {
    const { email, account } = await someone()
    for (let index = 0; index < 11; index += 1) await signIn(email, 'wrong')
    expect(await people.locks.unlock(account.id, { actor: 'system' })).toBe(1)
    expect(await people.audit('account.unlocked')).toHaveLength(1)
    expect(await signIn(email, PASSWORD)).toMatchObject({ outcome: 'ok' })
  })

  test('DS3: an attempt that was turned away because the server is busy does not count', async () => {
    const { email } = await someone()
    const busy = createSignIn({
      db: people.db,
      lockout: people.lockout,
      passwords: { ...people.passwords, verify: () => Promise.reject(new HashingBusy('full')) },
    })
    for (let index = 0; index < 15; index += 1) {
      await expect(busy.signIn({ username: email, password: PASSWORD, origin: ORIGIN })).rejects.toThrow(HashingBusy)
    }
    expect(await signIn(email, PASSWORD)).toMatchObject({ outcome: 'ok' })
  })
})

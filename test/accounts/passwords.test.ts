// What is done with a password before and after it is hashed.
import { afterAll, describe, expect, test } from '@jest/globals'
import bcrypt from 'bcryptjs'
import type { HashAnswer, HashingPool, HashJob } from '../../server/accounts/hashing-pool.ts'
import { createPasswords, PasswordTooLong } from '../../server/accounts/passwords.ts'

const hashing = { memoryKiB: 19_456, passes: 2, parallelism: 1, concurrency: 1, maxQueue: 32 }
const passwords = createPasswords({ hashing })
afterAll(() => passwords.close())

/** A pool that notes its jobs and computes nothing. */
function countingPool(): HashingPool & { readonly jobs: HashJob[] } {
  const jobs: HashJob[] = []
  return {
    jobs,
    async run(job): Promise<HashAnswer> {
      jobs.push(job)
      return job.kind === 'hash' ? { hash: 'h' } : { matches: false }
    },
    prepare: () => undefined,
    waiting: () => 0,
    close: async () => undefined,
  }
}

test('LG13: new hashes are argon2id with at least 19 MiB, two passes, one lane', async () => {
  expect(await passwords.hash('correct horse battery')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

describe('LG12: the whole password counts, as it was typed', () => {
  test('spaces at the ends are part of it', async () => {
    const hash = await passwords.hash(' with spaces ')
    expect(await passwords.verify(hash, ' with spaces ')).toBe(true)
    expect(await passwords.verify(hash, 'with spaces')).toBe(false)
  })

  test('the 73rd byte counts', async () => {
    const hash = await passwords.hash(`${'a'.repeat(72)}b`)
    expect(await passwords.verify(hash, `${'a'.repeat(72)}c`)).toBe(false)
    expect(await passwords.verify(hash, 'a'.repeat(72))).toBe(false)
  })

  test('the same letters in other code points are the same password', async () => {
    const hash = await passwords.hash('caf\u00e9 au lait')
    expect(await passwords.verify(hash, 'cafe\u0301 au lait')).toBe(true)
    expect(await passwords.verify(hash, 'cafe au lait')).toBe(false)
  })

  test('more than 1 KiB is refused before anything is computed', async () => {
    const pool = countingPool()
    const counted = createPasswords({ hashing, pool })
    const long = 'ü'.repeat(513)
    await expect(counted.hash(long)).rejects.toThrow(PasswordTooLong)
    expect(await counted.verify(await passwords.hash('x'), long)).toBe(false)
    expect(await counted.burn(long)).toBe(false)
    expect(pool.jobs).toEqual([])
    await counted.hash('ü'.repeat(512))
    expect(pool.jobs).toHaveLength(1)
  })
})

test('LG13: a hash of 4 GiB in the database is refused without being computed', async () => {
  const pool = countingPool()
  const planted = '$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY'
  expect(await createPasswords({ hashing, pool }).verify(planted, 'x')).toBe(false)
  expect(pool.jobs).toEqual([])
  expect(passwords.isUsableHash(planted)).toBe(false)
})

test('LG1: the work for nobody is the work for a password', async () => {
  const pool = countingPool()
  const counted = createPasswords({ hashing, pool })
  const real = await passwords.hash('someone')
  await counted.verify(real, 'guess')
  await counted.burn('guess')
  const [forSomeone, forNobody] = pool.jobs
  const parameters = (job: HashJob | undefined) => (job?.kind === 'verify' ? job.hash.replace(/[^$]{22}\$[^$]{43}$/, '') : job)
  expect(parameters(forNobody)).toBe('$argon2id$v=19$m=19456,t=2,p=1$')
  expect(parameters(forNobody)).toBe(parameters(forSomeone))
})

test('a hash is renewed when it is weaker than new ones, or of another form', async () => {
  const stronger = createPasswords({ hashing: { ...hashing, passes: 3 }, pool: countingPool() })
  const hash = await passwords.hash('x')
  expect(passwords.needsRehash(hash)).toBe(false)
  expect(stronger.needsRehash(hash)).toBe(true)
  expect(passwords.needsRehash(hash.replace('t=2', 't=3'))).toBe(false)
  expect(passwords.needsRehash(await bcrypt.hash('x', 4))).toBe(true)
})

test('LG12: an imported bcrypt hash is verified as bcrypt made it, and is due for renewal', async () => {
  const long = 'a'.repeat(80)
  const imported = await bcrypt.hash(long, 4)
  expect(await passwords.verify(imported, long)).toBe(true)
  expect(passwords.needsRehash(imported)).toBe(true)
})

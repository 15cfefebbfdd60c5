// An end that loses its transaction to another one: nothing of it has happened, and it is tried again.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Database, openPostgres } from '../../server/storage/postgres.ts'
import { createEndings } from '../../server/tokens/ending.ts'
import { createDatabase, PATIENT } from '../support/postgres.ts'

let db: Database
let close: () => Promise<void>

beforeAll(async () => {
  const database = await createDatabase()
  const opened = await openPostgres({ url: database.url, poolSize: 2, ...PATIENT })
  db = opened.db
  close = async () => {
    await opened.close()
    await database.drop()
  }
})

afterAll(() => close())

const endings = () => createEndings({ db, accessTokenLifeSeconds: () => 900, announce: () => undefined })

/** An end of a session that loses so many times, as PostgreSQL says it. */
async function endThatLoses(times: number) {
  let tries = 0
  const ended = await endings().run('a_test', async (ending) => {
    tries += 1
    ending.counts.sessions += 1
    ending.entries.push({ kind: 'sid', value: `ses_${times}` })
    if (tries <= times)
      await ending.tx.$executeRaw`DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$`
  })
  return { ended, tries }
}

test('an end that lost is done at the next try, once', async () => {
  const { ended, tries } = await endThatLoses(2)
  expect(tries).toBe(3)
  expect(ended.sessions).toBe(1)
  expect(await db.revocation.count({ where: { value: 'ses_2' } })).toBe(1)
})

test('one that loses again and again is not done, and says so', async () => {
  await expect(endThatLoses(3)).rejects.toThrow('PostgreSQL is not available: deadlock detected')
  expect(await db.revocation.count({ where: { value: 'ses_3' } })).toBe(0)
})

// The end of the program: in good order, or at least in time, and then it says what it waited for.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createDatabase } from '../support/postgres.ts'
import { freePorts, startProgram } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'

test('what cannot be closed does not keep the program: it says so and is over', async () => {
  const database = await createDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-end-'))
  const logFile = join(folder, 'log')
  try {
    const program = await startProgram(
      await freePorts(),
      {
        DATABASE_URL: database.url,
        REDIS_URL: redisUrl(),
        DATA_DIR: folder,
        ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64url'),
        COOKIE_KEYS: 'a-cookie-key-that-is-only-for-tests-0001',
      },
      { imports: [new URL('programs/database-never-closes.ts', import.meta.url).href], logFile },
    )
    const begun = performance.now()
    expect(await program.end()).toBe(1)
    expect(performance.now() - begun).toBeLessThan(25_000)
    const lines = (await readFile(logFile, 'utf8')).trim().split('\n')
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      waitsFor: 'what tells of revocations',
      msg: expect.stringContaining('did not end'),
    })
  } finally {
    await database.drop()
    await rm(folder, { recursive: true })
  }
}, 60_000)

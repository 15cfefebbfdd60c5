// A start that fails says why, and is over: nothing that was opened on the way keeps the program.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createDatabase } from '../support/postgres.ts'
import { freePorts, startProgram } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'

test('a provision file with a mistake in it ends the program, though both stores are open by then', async () => {
  const database = await createDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-failed-start-'))
  try {
    const provisionFile = join(folder, 'provision.json')
    await writeFile(provisionFile, JSON.stringify({ clients: [{ client_id: 'notes', nonsense: true }] }))
    // It rejects when the process has ended, and with what it printed.
    await expect(
      startProgram(await freePorts(), {
        DATABASE_URL: database.url,
        REDIS_URL: redisUrl(),
        DATA_DIR: folder,
        PROVISION_FILE: provisionFile,
        ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64url'),
        COOKIE_KEYS: 'a-cookie-key-that-is-only-for-tests-0001',
      }),
    ).rejects.toThrow('nonsense')
  } finally {
    await database.drop()
    await rm(folder, { recursive: true })
  }
})

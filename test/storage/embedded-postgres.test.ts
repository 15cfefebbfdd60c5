// The embedded database, what the migrations make of it, and its lock: one process at a time, and none that is locked out by a
// dead one.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { DataDirectoryBusy, lockDirectory } from '../../server/storage/directory-lock.ts'
import { openEmbeddedPostgres } from '../../server/storage/embedded-postgres.ts'
import { migrate } from '../../server/storage/migrations.ts'
import { schemaDrift } from '../../server/storage/schema-engine.ts'

/** The embedded database takes seconds to make, and many of them on a busy machine. */
const PATIENCE_MS = 120_000

let folder: string
let first: ChildProcess | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-embedded-'))
})

afterAll(async () => {
  first?.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** A program of its own that opens the database, as a second server would. */
const PROGRAM = `
  import { openEmbeddedPostgres } from ${JSON.stringify(new URL('../../server/storage/embedded-postgres.ts', import.meta.url).href)}
  import { migrate } from ${JSON.stringify(new URL('../../server/storage/migrations.ts', import.meta.url).href)}
  const [dataDir, task] = process.argv.slice(1)
  try {
    const open = await openEmbeddedPostgres({ dataDir })
    await migrate(open.migrationTarget)
    if (task === 'write') await open.db.client.create({ data: { id: 'written', metadata: {} } })
    console.log('OPEN', process.pid)
    if (task === 'write') setInterval(() => undefined, 1000)
    else await open.close()
  } catch (error) {
    console.log(String(error))
    process.exitCode = 1
  }
`
const ARGUMENTS = ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', PROGRAM]

describe('one process at a time', () => {
  test(
    'a second process is refused, naming the first; what a killed one wrote is there, and its lock is taken over',
    async () => {
      const dataDir = join(folder, 'killed')
      const child = spawn(process.execPath, [...ARGUMENTS, dataDir, 'write'], { stdio: ['ignore', 'pipe', 'inherit'] })
      first = child
      const [line] = await once(child.stdout, 'data')
      expect(String(line)).toBe(`OPEN ${child.pid}\n`)

      const second = await promisify(execFile)(process.execPath, [...ARGUMENTS, dataDir]).catch(
        (error: { stdout: string }) => error,
      )
      expect(second.stdout).toBe(
        `DataDirectoryBusy: The data directory ${dataDir} is in use by process ${child.pid}: stop that process, or set DATA_DIR to another directory.\n`,
      )

      child.kill('SIGKILL')
      await once(child, 'exit')
      const open = await openEmbeddedPostgres({ dataDir })
      expect(await migrate(open.migrationTarget)).toEqual([])
      expect(await open.db.client.findUnique({ where: { id: 'written' } })).toMatchObject({ id: 'written' })
      await expect(openEmbeddedPostgres({ dataDir })).rejects.toThrow(`process ${process.pid}:`)
      await open.ping()
      await open.close()
      expect((await readdir(dataDir)).sort()).toEqual(['postgres'])
    },
    PATIENCE_MS,
  )
})

// On the database of the test above, since another one takes long to make.
test(
  'the migrations make what the schema says: no drift',
  async () => {
    const schemaFolder = new URL('../../prisma/schema/', import.meta.url)
    const names = await readdir(schemaFolder)
    const schema = await Promise.all(
      names.map(async (path) => ({ path, content: await readFile(new URL(path, schemaFolder), 'utf8') })),
    )
    const open = await openEmbeddedPostgres({ dataDir: join(folder, 'killed') })
    const target = open.migrationTarget
    await migrate(target)
    expect(await target.transaction(({ adapter }) => schemaDrift(adapter, schema))).toBe('')
    const altered = schema.map(({ path, content }) => ({
      path,
      content: content.replace(/userAgent +String\?/, 'userAgent Int?'),
    }))
    expect(await target.transaction(({ adapter }) => schemaDrift(adapter, altered))).toContain('user_agent')
    await open.close()
  },
  PATIENCE_MS,
)

describe('the lock', () => {
  let count = 0
  const newPath = () => join(folder, `lock-${count++}`)
  const lock = (path: string) => lockDirectory(path, folder)
  const stale = { pid: 2 ** 22 + 1, started: '', nonce: 'abc' }

  test('is had by one, and by the next when it was given back', async () => {
    const path = newPath()
    const unlock = await lock(path)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid })
    await expect(lock(path)).rejects.toThrow(DataDirectoryBusy)
    await unlock()
    await (await lock(path))()
  })

  test.each([
    ['of a process that is gone', JSON.stringify(stale)],
    ['of a process whose number another has now', JSON.stringify({ pid: process.ppid, started: 'long ago', nonce: 'abc' })],
    [
      'of an earlier program with our own number, as in a container',
      JSON.stringify({ pid: process.pid, started: '', nonce: 'abc' }),
    ],
    ['that cannot be read', 'half a li'],
    ['that is empty', ''],
    ['of another kind', '[1, 2]'],
  ])('one %s is taken over', async (_, content) => {
    const path = newPath()
    await writeFile(path, content)
    const unlock = await lock(path)
    await unlock()
    expect((await readdir(folder)).filter((name) => join(folder, name).startsWith(path))).toEqual([])
  })

  test('a dead one is taken over by one of 30 that try at once, round after round', async () => {
    for (let round = 0; round < 20; round++) {
      const path = newPath()
      // Looking up when the other process was started takes a while: time for somebody else to be done already.
      await writeFile(path, JSON.stringify({ pid: process.ppid, started: 'long ago', nonce: `abc${round}` }))
      const outcomes = await Promise.allSettled(
        Array.from({ length: 30 }, async (_, index) => {
          await wait(index % 10)
          return lock(path)
        }),
      )
      const won = outcomes.filter((outcome) => outcome.status === 'fulfilled')
      expect(won).toHaveLength(1)
      await won[0]?.value()
    }
  })

  test('one whose taker-over died as well is taken over', async () => {
    const path = newPath()
    await writeFile(path, JSON.stringify(stale))
    await writeFile(`${path}.after-abc`, JSON.stringify({ ...stale, nonce: 'def' }))
    await (await lock(path))()
    expect((await readdir(folder)).filter((name) => join(folder, name).startsWith(path))).toEqual([])
  })

  test('is not given back by whoever no longer has it', async () => {
    const path = newPath()
    const unlock = await lock(path)
    const other = JSON.stringify({ pid: process.ppid, started: '', nonce: 'fff' })
    await writeFile(path, other)
    await unlock()
    expect(await readFile(path, 'utf8')).toBe(other)
  })
})

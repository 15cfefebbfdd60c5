// A real PostgreSQL for tests, as fast as it can be since nothing in it must survive.
import { execFile } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import {
  findProgram,
  findUser,
  freePort,
  installDebianPackage,
  startServerProcess,
  temporaryFolder,
  type UnixUser,
  untilReady,
} from './server-process.ts'

/** A PostgreSQL of our own. */
export interface PostgresServer {
  /** Of the database `postgres`, by a role that may do everything. */
  readonly url: string
  readonly pid: number
  pause(): void
  resume(): void
  /** Ends it as a crash would. */
  kill(): Promise<void>
  /** Starts it again, on the same port and data. */
  restart(): Promise<void>
  /** Ends it and removes its data, unless they are kept. */
  stop(): Promise<void>
}

const ROLE = 'latchkey'
const DEBIAN_FOLDER = '/usr/lib/postgresql'
const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200', 'shared_buffers=64MB']
const WHAT_TO_DO =
  'The tests need PostgreSQL 14 or later, and there is none: install it (on Debian: apt-get install postgresql) so that initdb and postgres are found, or set TEST_DATABASE_URL to the URL of a server on which databases may be made.'

/**
 * @param settings of the server, such as `fsync=on`; they win over what makes it fast
 * @param keptIn a folder in which its data stays, and is found again; a temporary one is made where none is given
 */
export async function startPostgresServer(settings: readonly string[] = [], keptIn?: string): Promise<PostgresServer> {
  const binaries = findBinaries()
  const user = unprivilegedUser()
  const folder = keptIn === undefined ? await temporaryFolder(user) : ownFolder(resolve(keptIn), user)
  const data = join(folder, 'data')
  const surroundings = { cwd: folder, env: { ...process.env, LC_ALL: 'C.UTF-8' }, ...user }
  const initdb = ['-D', data, '-U', ROLE, '--auth=trust', '--encoding=UTF8', '--no-sync', '--no-instructions']
  if (!existsSync(join(data, 'PG_VERSION'))) await promisify(execFile)(join(binaries, 'initdb'), initdb, surroundings)
  const port = await freePort()
  const url = `postgresql://${ROLE}@127.0.0.1:${port}/postgres`
  const options = [...FAST, ...settings, 'listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=']
  const start = async () => {
    const server = startServerProcess(
      join(binaries, 'postgres'),
      ['-D', data, ...options.flatMap((option) => ['-c', option])],
      user,
    )
    await untilReady(server, () => answers(url))
    return server
  }
  let server = await start()
  return {
    url,
    get pid() {
      return server.pid
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: () => server.end('SIGQUIT'),
    async restart() {
      await server.end('SIGQUIT')
      server = await start()
    },
    async stop() {
      // What is kept is left as it is found again soonest, with nothing to recover.
      await server.end(keptIn === undefined ? 'SIGQUIT' : 'SIGINT')
      if (keptIn === undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A folder by this path, which the server may write into. */
function ownFolder(path: string, user: UnixUser | undefined): string {
  mkdirSync(path, { recursive: true })
  if (user !== undefined) chownSync(path, user.uid, user.gid)
  return path
}

function findBinaries(): string {
  const found = () => {
    const versions = versionFolders().map((version) => join(DEBIAN_FOLDER, version, 'bin'))
    const initdb = findProgram('initdb', versions)
    return initdb === undefined ? undefined : dirname(initdb)
  }
  const binaries = found()
  if (binaries !== undefined) return binaries
  installDebianPackage('postgresql')
  const installed = found()
  if (installed === undefined) throw new Error(WHAT_TO_DO)
  return installed
}

function versionFolders(): string[] {
  try {
    return readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a))
  } catch {
    return []
  }
}

/** PostgreSQL does not run as root. */
function unprivilegedUser(): UnixUser | undefined {
  return process.getuid?.() === 0 ? (findUser('postgres') ?? findUser('nobody')) : undefined
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

// A real Redis for tests.
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findProgram, freePort, installDebianPackage, startServerProcess, temporaryFolder, untilReady } from './server-process.ts'

/** A Redis of our own. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** It neither answers nor refuses, as behind a broken network. */
  pause(): void
  resume(): void
  /** Ends it as a crash would: nothing is kept. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const WHAT_TO_DO =
  'The tests need Redis 7 or later, and there is none: install it (on Debian: apt-get install redis-server) so that redis-server is on the PATH, or set TEST_REDIS_URL.'

/**
 * @param options of the program, such as `['--cluster-enabled', 'yes']`
 * @param sentinel what a Sentinel is told, such as `sentinel monitor main 127.0.0.1 6379 1`: with it, one is started
 */
export async function startRedisServer(options: readonly string[] = [], sentinel?: string): Promise<RedisServer> {
  const program = findRedis()
  const folder = await temporaryFolder()
  const port = await freePort()
  const address = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  // A Sentinel writes into its configuration, and so wants a file.
  const file = join(folder, 'sentinel.conf')
  if (sentinel !== undefined) await writeFile(file, `${sentinel}\n`)
  const args =
    sentinel === undefined
      ? [...address, '--save', '', '--appendonly', 'no', ...options]
      : [file, ...address, '--sentinel', ...options]
  const start = async () => {
    const server = startServerProcess(program, args)
    await untilReady(server, () => answers(port))
    return server
  }
  let server = await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: () => server.end('SIGKILL'),
    async restart() {
      await server.end('SIGKILL')
      server = await start()
    },
    async stop() {
      await server.end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function findRedis(): string {
  const found = () => findProgram('redis-server') ?? findProgram('valkey-server')
  const program = found()
  if (program !== undefined) return program
  installDebianPackage('redis-server')
  const installed = found()
  if (installed === undefined) throw new Error(WHAT_TO_DO)
  return installed
}

/** Redis also takes a line of plain text; one that asks for a password runs as well. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write('PING\r\n')
    const [data] = await once(socket, 'data')
    return String(data).startsWith('+PONG') || String(data).startsWith('-NOAUTH')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

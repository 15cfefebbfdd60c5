// A real Redis for tests.
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
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

/** @param options of the program, such as `['--cluster-enabled', 'yes']` */
export async function startRedisServer(options: readonly string[] = []): Promise<RedisServer> {
  const program = findRedis()
  const folder = await temporaryFolder()
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, ...options]
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

/** Redis also takes a line of plain text. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write('PING\r\n')
    const [data] = await once(socket, 'data')
    return String(data).startsWith('+PONG')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

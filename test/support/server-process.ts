// Servers that tests start: in a temporary folder, on a private port, ended by their process number, whatever happens to us.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, chownSync, constants, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** A server that runs. */
export interface ServerProcess {
  readonly pid: number
  /** What it printed, for a message when it does not start. */
  output(): string
  hasEnded(): boolean
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>
  /** Stops it and its children, so that it neither answers nor refuses (SIGSTOP). */
  pause(): void
  resume(): void
}

/** A user whom a server may run as: some servers refuse to run as root. */
export interface UnixUser {
  readonly uid: number
  readonly gid: number
}

/** Starts a program that ends together with us, where the system can see to that. */
export function startServerProcess(command: string, args: readonly string[], user?: UnixUser): ServerProcess {
  const tied = findProgram('setpriv')
  const [program, ...all] = tied === undefined ? [command, ...args] : [tied, '--pdeathsig', 'KILL', command, ...args]
  const child = spawn(program, all, { stdio: ['ignore', 'pipe', 'pipe'], ...user })
  let output = ''
  child.stdout.on('data', (data: Buffer) => {
    output = `${output}${data.toString()}`.slice(-4000)
  })
  child.stderr.on('data', (data: Buffer) => {
    output = `${output}${data.toString()}`.slice(-4000)
  })
  child.on('error', (error) => {
    output += error.message
  })
  const killOnExit = () => void child.kill('SIGKILL')
  process.once('exit', killOnExit)
  child.once('exit', () => process.removeListener('exit', killOnExit))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined
  return {
    pid: child.pid ?? -1,
    output: () => output,
    hasEnded,
    pause: () => signalAll(child, 'SIGSTOP'),
    resume: () => signalAll(child, 'SIGCONT'),
    async end(signal) {
      if (hasEnded()) return
      const ended = once(child, 'exit')
      child.kill(signal)
      signalAll(child, 'SIGCONT')
      await ended
    },
  }
}

/** Waits until a server answers. */
export async function untilReady(server: ServerProcess, answers: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await answers())) {
    if (server.hasEnded() || performance.now() > deadline)
      throw new Error(`A server for tests does not start:\n${server.output()}`)
    await wait(20)
  }
}

/** Linux gives ports above these to connections that go out: one could take the port of a server that is to be started again. */
const LOWEST_PORT = 10_000
const HIGHEST_PORT = 32_000

/** A port that nobody uses now, and that the system gives to nobody either. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT)
    const server = createServer()
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(true))
      server.listen(port, '127.0.0.1', () => resolve(false))
    })
    if (taken) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Makes a folder that is taken away again, at the latest by the next run of the tests. */
export async function temporaryFolder(user?: UnixUser): Promise<string> {
  removeForsakenFolders()
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`))
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  return folder
}

/** The path of a program, or nothing. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const all = [...(process.env.PATH ?? '').split(delimiter), ...folders, '/usr/sbin', '/usr/local/bin']
  return all.map((folder) => join(folder, name)).find(isExecutable)
}

/** The number of a user and its group, or nothing when there is none of that name. */
export function findUser(name: string): UnixUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

/** Installs Debian's package of a server, if we may. */
export function installDebianPackage(name: string): void {
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) return
  // RUNLEVEL=1 keeps the package from starting a server of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const install = () => execFileSync('apt-get', ['install', '-y', '--no-install-recommends', name], { env, stdio: 'pipe' })
  try {
    install()
  } catch {
    try {
      execFileSync('apt-get', ['update'], { env, stdio: 'pipe' })
      install()
    } catch {
      // The caller looks for the program once more and says what to do.
    }
  }
}

/**
 * For how long a process has wanted a processor and not got one, in milliseconds, where the system can say so: by that much
 * an answer is late through no fault of the program.
 */
export function waitedForProcessor(pid: number): number {
  try {
    const [, waited] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')
    return Number(waited) / 1_000_000
  } catch {
    return 0
  }
}

const FOLDER_PREFIX = 'latchkey-servers-'

function removeForsakenFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(FOLDER_PREFIX) ? Number(name.slice(FOLDER_PREFIX.length).split('-')[0]) : Number.NaN
    if (Number.isInteger(pid) && !isRunning(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return Error.isError(error) && 'code' in error && error.code === 'EPERM'
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A server such as PostgreSQL answers by its children. */
function signalAll(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  for (const pid of [child.pid, ...childrenOf(child.pid)]) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended meanwhile.
    }
  }
}

function childrenOf(parent: number): number[] {
  const isChild = (entry: string) => {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && isChild(entry))
    .map(Number)
}

// Runs the program as it is run, in a process of its own, so that it can be killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findProgram, freePort } from './server-process.ts'

/** The program, running. */
export interface Program {
  readonly issuer: string
  /** Where health and metrics are. */
  readonly managementUrl: string
  readonly pid: number
  /** Whether it has ended although nobody ended it. */
  hasCrashed(): boolean
  /** Stops it, so that it neither answers nor refuses (SIGSTOP). */
  pause(): void
  resume(): void
  /** Ends it in the middle of whatever it does. */
  kill(): Promise<void>
  /** Tells it to end, and waits for it; the exit code. */
  end(): Promise<number | null>
}

/** What is different from a program as anybody starts it. */
export interface ProgramOptions {
  /** Modules that are imported before it. */
  readonly imports?: readonly string[]
  /** A file to which its log is added. */
  readonly logFile?: string
}

/** Where a program finds itself compiled (test/support/run-tests.js), when there is such a place. */
export const COMPILED = keepIfSet('NODE_COMPILE_CACHE')

/** Two ports that nobody uses, for a program that is started several times. */
export async function freePorts(): Promise<readonly [number, number]> {
  return [await freePort(), await freePort()]
}

/** Starts it, and waits until it is ready. `settings` are its environment, and nothing else is. */
export async function startProgram(
  [port, managementPort]: readonly [number, number],
  settings: { readonly [name: string]: string },
  options: ProgramOptions = {},
): Promise<Program> {
  const issuer = `http://localhost:${port}`
  const own = { NODE_ENV: 'test', PORT: String(port), MANAGEMENT_PORT: String(managementPort), ISSUER: issuer }
  const imports = (options.imports ?? []).flatMap((module) => ['--import', module])
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', ...imports, 'server/main.ts']
  // It ends together with us, where the system can see to that.
  const tied = findProgram('setpriv')
  const [command = '', ...args] = tied === undefined ? node : [tied, '--pdeathsig', 'KILL', ...node]
  const child = spawn(command, args, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
    // Test files share a machine; those that ask for an answer in time say so.
    env: { ...own, ...COMPILED, DEMO: 'off', LOG_FORMAT: 'json', LATCHKEY_ANSWER_WITHIN_MS: '30000', ...settings },
  })
  if (options.logFile !== undefined) {
    const log = createWriteStream(options.logFile, { flags: 'a' })
    child.stdout.pipe(log)
    child.stderr.pipe(log)
  }
  await ready(child)
  let killed = false
  return {
    issuer: settings.ISSUER ?? issuer,
    managementUrl: `http://127.0.0.1:${managementPort}`,
    pid: child.pid ?? 0,
    hasCrashed: () => !killed && (child.exitCode !== null || child.signalCode !== null),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async end() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const [code] = await ended
      return code
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      killed = true
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function ready(child: ChildProcess): Promise<void> {
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    let waits = true
    const read = (chunk: Buffer) => {
      // Whatever it prints later is read as well, or it would wait for us.
      if (!waits) return
      printed += chunk.toString()
      if (!printed.includes('"ready"')) return
      waits = false
      resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', () => reject(new Error(`the program did not start: ${printed}`)))
  })
}

function keepIfSet(name: string): { readonly [name: string]: string } {
  const value = process.env[name]
  return value === undefined ? {} : { [name]: value }
}

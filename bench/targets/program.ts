// Programs that the benchmark starts, each in a process of its own, and ends again.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A program that runs. */
export interface Program {
  readonly pid: number
  readonly stdout: Readable
  /** Fails when the process ends: until it is told to stop, a server that does is no use. */
  readonly ended: Promise<never>
  stop(): Promise<void>
}

/** How to start one, beyond its path. */
export interface ProgramOptions {
  readonly args?: readonly string[]
  /** Options of Node itself. */
  readonly nodeArgs?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

const START_MILLISECONDS = 60_000

/** Starts a program by the Node that runs this. */
export function startProgram(path: string, { args = [], nodeArgs = [], env = process.env }: ProgramOptions = {}): Program {
  const child = spawn(process.execPath, [...nodeArgs, path, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  let complaints = ''
  child.stderr.on('data', (data: Buffer) => {
    complaints = `${complaints}${data.toString()}`.slice(-4000)
  })
  const exit = once(child, 'exit')
  const ended = exit.then(([code, signal]) => {
    throw new Error(`${path} ended (${signal ?? `exit code ${code}`}):\n${complaints}`)
  })
  ended.catch(() => undefined)
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  return {
    pid: child.pid ?? -1,
    stdout: child.stdout,
    ended,
    async stop() {
      process.removeListener('exit', kill)
      child.kill('SIGTERM')
      await exit
    },
  }
}

/** Runs a program to its end, in the folder of the project. */
export async function runProgram(path: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [path, ...args], { cwd: fromHere('../..') })
}

/** Waits until a page says 200. */
export async function untilReady(url: string, ended: Promise<never>): Promise<void> {
  const deadline = performance.now() + START_MILLISECONDS
  const answers = async () => {
    const response = await fetch(url).catch(() => undefined)
    await response?.body?.cancel()
    return response?.ok === true
  }
  while (!(await Promise.race([answers(), ended]))) {
    if (performance.now() > deadline) throw new Error(`${url} is not ready after ${START_MILLISECONDS / 1000} s.`)
    await wait(50)
  }
}

/** A path, from this folder. */
export function fromHere(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}

// The processes that hash passwords, and the queue before them. The queue is bounded: beyond it a caller is told at once
// to come back, which keeps a flood of sign-ins from piling up memory and waiting time.
import { type ChildProcess, fork } from 'node:child_process'
import type { HashLimits } from './password-hashes.ts'

/** Work for a hashing process. */
export type HashJob =
  | {
      readonly kind: 'hash'
      readonly password: string
      readonly memoryKiB: number
      readonly passes: number
      readonly parallelism: number
    }
  | { readonly kind: 'verify'; readonly password: string; readonly hash: string; readonly limits: HashLimits }

/** What it answers. */
export type HashAnswer = { readonly hash: string } | { readonly matches: boolean } | { readonly failed: string }

/** More hashes are wanted than this machine can compute in a reasonable time: HTTP 503 with `Retry-After`. */
export class HashingBusy extends Error {
  override readonly name = 'HashingBusy'
  readonly retryAfterSeconds = 5
}

/** Runs jobs, a few at a time. */
export interface HashingPool {
  /** @throws HashingBusy when the queue is full, or the job waited or ran for too long */
  run(job: HashJob): Promise<HashAnswer>
  /** Starts a process if there is none: a job will come soon, and one that has to wait for its process takes much longer. */
  prepare(): void
  /** How many jobs wait for their turn. */
  waiting(): number
  /** Ends the processes; jobs that have not been answered are refused. */
  close(): Promise<void>
}

/** How much may go on at once. Times are in milliseconds. */
export interface HashingPoolOptions {
  readonly concurrency: number
  readonly maxQueue: number
  /** The longest that a job may wait for its turn. */
  readonly maxWait?: number
  /** The longest that a job may run; its process is ended then. */
  readonly maxRun?: number
  /** How long a process without work is kept. */
  readonly keepIdle?: number
  /** The program of the processes. */
  readonly program?: URL
}

/** Makes a pool. No process is started before the first job, unless it is said that one will come. */
export function createHashingPool(options: HashingPoolOptions): HashingPool {
  return new Pool(options)
}

interface Task {
  readonly job: HashJob
  readonly resolve: (answer: HashAnswer) => void
  readonly reject: (error: Error) => void
  waiting: NodeJS.Timeout | undefined
  /** How often it has been given to a process. */
  tries: number
}

interface Worker {
  readonly child: ChildProcess
  task: Task | undefined
  timer: NodeJS.Timeout | undefined
}

class Pool implements HashingPool {
  readonly #options: Required<HashingPoolOptions>
  readonly #workers = new Set<Worker>()
  readonly #queue: Task[] = []
  readonly #closing = new AbortController()

  constructor(options: HashingPoolOptions) {
    const program = new URL('password-worker.ts', import.meta.url)
    this.#options = { maxWait: 1500, maxRun: 10_000, keepIdle: 60_000, program, ...options }
  }

  run(job: HashJob): Promise<HashAnswer> {
    return new Promise((resolve, reject) => {
      const task: Task = { job, resolve, reject, waiting: undefined, tries: 0 }
      const worker = this.#closing.signal.aborted ? undefined : this.#freeWorker()
      if (worker !== undefined) this.#give(worker, task)
      else if (this.#closing.signal.aborted || this.#queue.length >= this.#options.maxQueue)
        reject(new HashingBusy('the queue is full'))
      else this.#enqueue(task)
    })
  }

  prepare(): void {
    if (this.#workers.size === 0 && !this.#closing.signal.aborted) this.#rest(this.#start())
  }

  waiting(): number {
    return this.#queue.length
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const task of this.#queue.splice(0)) refuse(task, 'the server is stopping')
    const ends = [...this.#workers].map(({ child }) => new Promise((resolve) => child.once('exit', resolve)))
    for (const { child } of this.#workers) child.kill('SIGKILL')
    await Promise.all(ends)
  }

  #enqueue(task: Task): void {
    task.waiting = setTimeout(() => {
      this.#queue.splice(this.#queue.indexOf(task), 1)
      refuse(task, 'no process became free in time')
    }, this.#options.maxWait)
    this.#queue.push(task)
  }

  #freeWorker(): Worker | undefined {
    for (const worker of this.#workers) if (worker.task === undefined) return worker
    return this.#workers.size < this.#options.concurrency ? this.#start() : undefined
  }

  #start(): Worker {
    // Nothing of the server's environment is needed there, least of all its secrets.
    const child = fork(this.#options.program, [], { execArgv: [], env: {}, serialization: 'advanced' })
    const worker: Worker = { child, task: undefined, timer: undefined }
    this.#workers.add(worker)
    child.on('message', (answer: HashAnswer) => this.#answered(worker, answer))
    child.on('error', () => this.#gone(worker))
    child.on('exit', () => this.#gone(worker))
    return worker
  }

  #give(worker: Worker, task: Task): void {
    clearTimeout(task.waiting)
    clearTimeout(worker.timer)
    worker.task = task
    task.tries += 1
    worker.child.ref()
    worker.child.channel?.ref()
    worker.timer = setTimeout(() => {
      // Not tried again: it would take as long a second time.
      worker.task = undefined
      this.#workers.delete(worker)
      worker.child.kill('SIGKILL')
      refuse(task, 'the computation took too long')
      this.#next()
    }, this.#options.maxRun)
    // A process that has died is noticed by its exit; the failed write tells nothing more.
    worker.child.send(task.job, () => undefined)
  }

  #answered(worker: Worker, answer: HashAnswer): void {
    const { task } = worker
    if (task === undefined) return
    worker.task = undefined
    clearTimeout(worker.timer)
    if ('failed' in answer) task.reject(new Error(`the password could not be hashed: ${answer.failed}`))
    else task.resolve(answer)
    this.#next()
    if (worker.task === undefined) this.#rest(worker)
  }

  /** Lets a process without work neither hold up the end of the server nor take memory for ever. */
  #rest(worker: Worker): void {
    worker.child.unref()
    worker.child.channel?.unref()
    worker.timer = setTimeout(() => {
      this.#workers.delete(worker)
      worker.child.disconnect()
    }, this.#options.keepIdle)
    worker.timer.unref()
  }

  #gone(worker: Worker): void {
    this.#workers.delete(worker)
    clearTimeout(worker.timer)
    const { task } = worker
    worker.task = undefined
    if (task === undefined) return
    // Another process gets the job once more; a job that ends two of them does not get a third.
    if (task.tries < 2 && !this.#closing.signal.aborted) this.#queue.unshift(task)
    else refuse(task, 'the process ended')
    this.#next()
  }

  #next(): void {
    while (this.#queue.length > 0 && !this.#closing.signal.aborted) {
      const worker = this.#freeWorker()
      const task = worker === undefined ? undefined : this.#queue.shift()
      if (worker === undefined || task === undefined) return
      this.#give(worker, task)
    }
  }
}

function refuse(task: Task, why: string): void {
  clearTimeout(task.waiting)
  task.reject(new HashingBusy(why))
}

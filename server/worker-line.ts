// The line between the first process and its workers: the first one asks, since the management port is its own and the
// answers are theirs.
import type { Worker } from 'node:cluster'
import type { ManagedProcess } from './http/management.ts'

/** Longer than it takes to call a store unavailable, and shorter than a probe waits. */
const PATIENCE_MS = 2500

/** A worker, as the first process asks it. Whoever does not answer in time, or ends, does not answer. */
export function askedWorker(worker: Worker): ManagedProcess {
  return {
    started: async () => ask<boolean>(worker, 'started'),
    missing: async () => ask<readonly string[]>(worker, 'missing'),
    figures: async () => ask<Figures>(worker, 'figures'),
  }
}

/** Answers the first process, in a worker. */
export function answerFirstProcess(self: ManagedProcess): void {
  process.on('message', (message: unknown) => {
    if (!isLine(message) || message.kind !== QUESTION) return
    const find = QUESTIONS.find((question) => question === message.asked)
    const tell = (answer?: unknown) => process.send?.({ kind: ANSWER, id: message.id, answer })
    if (find !== undefined) self[find]().then(tell, () => tell())
  })
}

type Figures = Awaited<ReturnType<ManagedProcess['figures']>>

const QUESTION = 'latchkey:question'
const ANSWER = 'latchkey:answer'
const QUESTIONS = ['started', 'missing', 'figures'] as const

interface Line {
  readonly kind: string
  readonly id: number
  readonly asked?: string
  readonly answer?: unknown
}

let lastId = 0

function ask<Answer>(worker: Worker, asked: (typeof QUESTIONS)[number]): Promise<Answer | undefined> {
  lastId += 1
  const id = lastId
  return new Promise((resolve) => {
    const finish = (answer?: Answer) => {
      clearTimeout(patience)
      worker.off('message', listen)
      worker.off('exit', gone)
      resolve(answer)
    }
    const gone = () => finish()
    const listen = (message: unknown) => {
      // Both ends of the line are this file: the answer is to what was asked.
      if (isLine(message) && message.kind === ANSWER && message.id === id) finish(message.answer as Answer | undefined)
    }
    const patience = setTimeout(gone, PATIENCE_MS)
    worker.on('message', listen)
    worker.once('exit', gone)
    worker.send({ kind: QUESTION, id, asked } satisfies Line, (error: Error | null) => {
      if (error !== null) gone()
    })
  })
}

function isLine(message: unknown): message is Line {
  return typeof message === 'object' && message !== null && 'kind' in message && 'id' in message
}

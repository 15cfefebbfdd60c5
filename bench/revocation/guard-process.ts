// The process with the guards, as the benchmark has it.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fromHere } from '../targets/program.ts'
import type { Asked, ListenerOptions, Told } from './messages.ts'

/** APIs that listen. */
export interface GuardProcess {
  /** Adds guards; says how many revocations each knows, and what the new ones take of the memory. */
  listen(
    count: number,
    options: ListenerOptions,
  ): Promise<{ readonly entries: number; readonly bytes: number; readonly by: string }>
  /** When a guard refuses the token, in milliseconds since 1970. */
  watch(guard: number, token: string): Promise<number>
  /** Waits until each guard knows so many revocations, but not for ever; says the fewest that any of them knows. */
  hear(entries: number): Promise<number>
  compare(what: Omit<Extract<Asked, { ask: 'compare' }>, 'ask'>): Promise<number>
  close(): Promise<void>
}

/** Starts it. */
export function startGuards(): GuardProcess {
  const child = fork(fromHere('../revocation/guards.ts'), { execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'] })
  const watched = new Map<number, { resolve(at: number): void; reject(error: Error): void }>()
  let waiting: ((told: Told) => void) | undefined
  let watches = 0
  child.on('message', (told: Told) => {
    if (told.told !== 'refused') return waiting?.(told)
    const watch = watched.get(told.id)
    watched.delete(told.id)
    if (told.at === undefined) watch?.reject(new Error('A revoked token was never refused.'))
    else watch?.resolve(told.at)
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)

  async function ask(asked: Asked): Promise<Told> {
    const answered = new Promise<Told>((resolve) => {
      waiting = resolve
    })
    child.send(asked)
    const told = await Promise.race([answered, ended(child)])
    if (told.told === 'failed') throw new Error(`The guards failed: ${told.why}`)
    return told
  }

  return {
    async listen(count, options) {
      const told = await ask({ ask: 'listen', count, options })
      if (told.told !== 'listening') throw new Error(`The guards said ${told.told}.`)
      return told
    },
    watch(guard, token) {
      watches += 1
      const id = watches
      const refused = new Promise<number>((resolve, reject) => watched.set(id, { resolve, reject }))
      child.send({ ask: 'watch', id, guard, token } satisfies Asked)
      return refused
    },
    async hear(entries) {
      const told = await ask({ ask: 'hear', entries })
      if (told.told !== 'heard') throw new Error(`The guards said ${told.told}.`)
      return told.entries
    },
    async compare(what) {
      const told = await ask({ ask: 'compare', ...what })
      if (told.told !== 'compared') throw new Error(`The guards said ${told.told}.`)
      return told.ratio
    },
    async close() {
      process.removeListener('exit', kill)
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.send({ ask: 'close' } satisfies Asked)
      const late = setTimeout(kill, 5000)
      await exit
      clearTimeout(late)
    },
  }
}

async function ended(child: ChildProcess): Promise<never> {
  const [code, signal] = await once(child, 'exit')
  throw new Error(`The guards ended (${String(signal ?? code)}).`)
}

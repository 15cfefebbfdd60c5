// A guard and a fake issuer for a test, with a clock that can be moved and a log that can be read.
import { createGuard, type Guard, type GuardOptions, type LogLine } from '../../guard/main.ts'
import { AUDIENCE, CLIENT, type FakeIssuer, startFakeIssuer } from './fake-issuer.ts'

/** What a test works with. */
export interface Trial extends AsyncDisposable {
  readonly issuer: FakeIssuer
  readonly lines: LogLine[]
  /** Makes a guard on the trial's clock; it is closed with the trial. */
  guard(options?: Partial<GuardOptions>): Promise<Guard>
  /** Makes one that has no client, and only Redis to learn from. */
  redisGuard(options: Partial<GuardOptions> & Pick<GuardOptions, 'redis'>): Promise<Guard>
  /** Moves the guards' clock. The issuer's stays, unless its `aheadSeconds` is moved as well. */
  advance(seconds: number): void
}

export async function startTrial(): Promise<Trial> {
  const issuer = await startFakeIssuer()
  const guards: Guard[] = []
  const lines: LogLine[] = []
  let aheadMs = 0

  async function make(options: Partial<GuardOptions>): Promise<Guard> {
    const log = (line: LogLine) => void lines.push(line)
    const clock = () => Date.now() + aheadMs
    const guard = await createGuard({ issuer: issuer.url, audience: AUDIENCE, log, clock, ...options })
    guards.push(guard)
    return guard
  }

  return {
    issuer,
    lines,
    guard: (options = {}) => make({ client: CLIENT, ...options }),
    redisGuard: make,
    advance(seconds) {
      aheadMs += seconds * 1000
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(guards.map((guard) => guard.close()))
      await issuer.close()
    },
  }
}

/** Waits until something holds, for a bounded time. */
export async function until(holds: () => boolean | Promise<boolean>, withinMs = 8000): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it never came to ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** What became of a token: `good`, or the name of the error and, of a bad token, the reason. */
export async function outcomeOf(guard: Guard, token: string): Promise<string> {
  try {
    await guard.verify(token)
    return 'good'
  } catch (error) {
    const { name, reason } = error as { name: string; reason?: string }
    return reason === undefined ? name : `${name}: ${reason}`
  }
}

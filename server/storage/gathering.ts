// Gathering: calls that come while others are under way are done together, by one statement. A busy server then needs one
// round trip, one plan and one flush to the disk for many requests, and a quiet one answers each at once: nobody waits for
// company.
import { StorageUnavailable } from './errors.ts'

/** How long a call may wait for a statement to be free, in milliseconds. Nobody waits for its answer any more (http/deadline.ts). */
const LONGEST_WAIT_MS = 1700

interface Call<Asked, Answer> {
  readonly asked: Asked
  readonly since: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Makes a function that asks for one thing out of one that asks for many.
 *
 * @param work answers each of the things asked for, in their order; when it fails, all that were asked together fail
 * @param statements how many may be under way at a time
 * @param most how many things one statement is asked for
 * @throws StorageUnavailable, in the function that is made, when no statement was free in time
 */
export function gather<Asked, Answer>(
  work: (asked: readonly Asked[]) => Promise<readonly Answer[]>,
  { statements = 2, most = 64 }: { readonly statements?: number; readonly most?: number } = {},
): (asked: Asked) => Promise<Answer> {
  const waiting: Call<Asked, Answer>[] = []
  let underWay = 0
  let scheduled = false
  let watched = false

  /** After the requests that have already come in: they are then all there. */
  function schedule(): void {
    if (scheduled || underWay >= statements || waiting.length === 0) return
    scheduled = true
    setImmediate(() => void send())
  }

  async function send(): Promise<void> {
    scheduled = false
    const calls = waiting.splice(0, most)
    underWay += 1
    schedule()
    await settle(work, calls)
    underWay -= 1
    schedule()
  }

  /** The statements under way may hang as long as a statement may; whoever has to wait longer is told to come again. */
  function watch(): void {
    const [next] = waiting
    if (watched || next === undefined) return
    watched = true
    setTimeout(giveUp, Math.max(1, next.since + LONGEST_WAIT_MS - performance.now())).unref()
  }

  function giveUp(): void {
    watched = false
    // A process that was kept from running is late with everything; what can be sent now is not given up.
    const latest = underWay < statements ? Number.NEGATIVE_INFINITY : performance.now() - LONGEST_WAIT_MS
    while (waiting[0] !== undefined && waiting[0].since <= latest) {
      waiting.shift()?.reject(new StorageUnavailable('postgres', 'no statement was free in time'))
    }
    watch()
  }

  return (asked) =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, since: performance.now(), resolve, reject })
      schedule()
      watch()
    })
}

async function settle<Asked, Answer>(
  work: (asked: readonly Asked[]) => Promise<readonly Answer[]>,
  calls: readonly Call<Asked, Answer>[],
): Promise<void> {
  try {
    const answers = await work(calls.map(({ asked }) => asked))
    if (answers.length !== calls.length) throw new Error('a gathered statement did not answer each of its callers')
    for (const [index, { resolve }] of calls.entries()) resolve(answers[index] as Answer)
  } catch (error) {
    for (const { reject } of calls) reject(error)
  }
}

/**
 * Makes work that whoever comes while it is under way does not do again, nor takes part in: it may have begun too early. All who come
 * meanwhile wait for one run after it, together.
 */
export function together(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const start = () => {
    running = work().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (running === undefined) return start()
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined
        // Somebody else may have begun since, and has seen all that was there by then.
        return running ?? start()
      })
    return next
  }
}

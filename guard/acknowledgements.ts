// Telling the server what this guard has applied, so that whoever revokes can see that it has arrived. Whether that succeeds is
// of no weight for verification.
import { type GuardClock, type Moment, millisecondsSince, moment } from './clock.ts'
import { unreferenced } from './timers.ts'

/** The teller. */
export interface Acknowledgements {
  /** The guard has applied everything up to a sequence. */
  applied(sequence: number): void
  /** Called now and then: says it again when nothing was said for long. */
  tick(): void
  close(): void
}

const COALESCE_MS = 100
const IDLE_MS = 30_000

/** `send` is one request; at most one is on its way, and at most one begins in a tenth of a second. */
export function createAcknowledgements(send: (sequence: number) => Promise<void>, clock: GuardClock): Acknowledgements {
  let pending: number | undefined
  let latest: number | undefined
  let sent: Moment | undefined
  let busy = false
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined

  function schedule(): void {
    if (busy || closed || pending === undefined || timer !== undefined) return
    const waited = sent === undefined ? COALESCE_MS : millisecondsSince(clock, sent)
    timer = unreferenced(setTimeout(run, Math.max(0, COALESCE_MS - waited)))
  }

  function run(): void {
    timer = undefined
    const sequence = pending
    if (closed || sequence === undefined) return
    pending = undefined
    busy = true
    sent = moment(clock)
    send(sequence)
      // The next one says as much.
      .catch(() => undefined)
      .finally(() => {
        busy = false
        schedule()
      })
  }

  return {
    applied(sequence) {
      latest = sequence
      pending = sequence
      schedule()
    },
    tick() {
      if (latest === undefined || sent === undefined || millisecondsSince(clock, sent) < IDLE_MS) return
      pending = latest
      schedule()
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

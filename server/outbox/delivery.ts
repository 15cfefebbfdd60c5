// Brings what is in an outbox to its endpoints, many at a time. An endpoint that hangs has few of the places, so that it harms nobody
// else.
import { randomInt } from 'node:crypto'
import type { Claimed, Exchange, FreePlaces, Outbox } from './outbox.ts'
import { LONGEST_EXCHANGE_MS } from './time-for.ts'

/** What became of an attempt. */
export type DeliveryOutcome = 'delivered' | 'postponed' | 'given_up'

/** Delivers. */
export interface Delivery {
  /** Looks whose turn it is, and begins to tell them; it does not wait for anybody's answer. */
  look(): Promise<void>
  /** The same, and waits until all that was begun is done, and nothing is left whose turn it is. */
  run(): Promise<void>
  /**
   * Breaks off: what is being told is left to another process, which may tell it once more. It waits for what is under way only as
   * long as an exchange may take.
   * @returns how many exchanges were not over by then
   */
  close(): Promise<number>
}

/** What is delivered, and how. */
export interface Courier<Row extends Claimed> {
  readonly outbox: Outbox<Row>
  /** Tells one endpoint. It does not throw; when the signal breaks it off, there was no answer. */
  readonly bring: (claimed: Row, signal: AbortSignal) => Promise<Exchange>
  /** Told of each attempt. */
  readonly tried: (outcome: DeliveryOutcome, claimed: Row, error?: string) => void
}

/** How many endpoints are told at a time, by one process. */
const PLACES = 32
/** How many of the places one endpoint may have. */
const PLACES_PER_ENDPOINT = 2
/** How many of the places are left to endpoints whose last exchange failed or is slow, of which each has one. */
const PLACES_FOR_DOUBTFUL = 16
/** An exchange that takes longer is slow: most of those will not be answered at all. */
const SLOW_MS = 1000
/** So many slow exchanges take nobody's place: where all of them hang that are told first, the others do not wait for that. */
const MOST_BESIDE = PLACES

/** So many doubtful endpoints are known without a look whether anything waits for them. */
const KNOWN_UNASKED = 64

/** An exchange, and the note of what came of it. */
const LONGEST_CLOSE_MS = LONGEST_EXCHANGE_MS + 1000

/** Makes it. */
export function createDelivery<Row extends Claimed>(
  deps: Courier<Row>,
  { longestCloseMs = LONGEST_CLOSE_MS }: { readonly longestCloseMs?: number } = {},
): Delivery {
  const { outbox } = deps
  const closing = new AbortController()
  const underWay = new Map<Promise<void>, UnderWay>()
  const doubtful = createDoubtful(outbox)
  let looking: Promise<void> | undefined
  let again = false

  const mayClaim = () => !closing.signal.aborted && placesLeft(underWay) > 0

  function look(): Promise<void> {
    // Whoever comes while somebody looks has perhaps written what that one can no longer see.
    again = true
    // Whoever gives a place back looks again.
    if (looking === undefined && mayClaim()) looking = claimAll()
    return looking ?? Promise.resolve()
  }

  async function claimAll(): Promise<void> {
    try {
      do {
        again = false
        await doubtful.forget()
        for (const claimed of await outbox.claim(freePlaces(underWay, doubtful.known))) begin(claimed)
      } while (again && mayClaim())
    } finally {
      looking = undefined
    }
  }

  function begin(claimed: Row): void {
    const exchange = { endpointId: claimed.endpointId, slow: false }
    const late = setTimeout(() => {
      exchange.slow = true
      doubtful.known.add(claimed.endpointId)
      look().catch(() => undefined)
    }, SLOW_MS).unref()
    const told = tell(deps, claimed, closing.signal)
      .then((took) => void (took ? doubtful.known.delete(claimed.endpointId) : doubtful.known.add(claimed.endpointId)))
      // The outcome could not be noted: after the lease it is tried again.
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(late)
        underWay.delete(told)
        // There is a place now. When it cannot be looked, the next look on schedule says so.
        look().catch(() => undefined)
      })
    underWay.set(told, exchange)
  }

  async function settled(): Promise<void> {
    while (underWay.size > 0) {
      await Promise.all(underWay.keys())
      await looking
    }
  }

  return {
    look,
    async run() {
      await look()
      await settled()
    },
    async close() {
      closing.abort()
      await within(longestCloseMs, async () => {
        await looking?.catch(() => undefined)
        await Promise.all(underWay.keys())
      })
      return underWay.size
    },
  }
}

/** The endpoints that did not take what was brought to them lately. */
function createDoubtful({ waiting }: Pick<Outbox<Claimed>, 'waiting'>) {
  const known = new Set<string>()
  let most = KNOWN_UNASKED
  return {
    known,
    /**
     * Forgets those for which nothing waits any more: they are gone, have been given up, or took it from another process. It is asked
     * when they have become twice as many as were left, so that it costs next to nothing, and nobody is kept who does not matter.
     */
    async forget(): Promise<void> {
      if (known.size <= most) return
      const asked = [...known]
      const left = new Set(await waiting(asked))
      for (const endpointId of asked) if (!left.has(endpointId)) known.delete(endpointId)
      most = Math.max(KNOWN_UNASKED, 2 * known.size)
    },
  }
}

/** Waits for work, but no longer than so many milliseconds. */
async function within(milliseconds: number, work: () => Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, milliseconds)
  await Promise.race([work(), late])
  clearTimeout(timer)
}

/** An exchange that is not over. */
interface UnderWay {
  readonly endpointId: string
  readonly slow: boolean
}

function placesLeft(underWay: ReadonlyMap<unknown, UnderWay>): number {
  const slow = [...underWay.values()].filter((exchange) => exchange.slow).length
  return PLACES - (underWay.size - Math.min(slow, MOST_BESIDE))
}

function freePlaces(underWay: ReadonlyMap<unknown, UnderWay>, doubtful: ReadonlySet<string>): FreePlaces {
  const taken = new Map<string, number>()
  for (const { endpointId } of underWay.values()) taken.set(endpointId, (taken.get(endpointId) ?? 0) + 1)
  const known = [...new Set([...taken.keys(), ...doubtful])]
  const takenByDoubtful = [...underWay.values()].filter(({ endpointId }) => doubtful.has(endpointId)).length
  return {
    places: placesLeft(underWay),
    perEndpoint: PLACES_PER_ENDPOINT,
    endpoints: known.map((endpointId) => {
      const most = doubtful.has(endpointId) ? 1 : PLACES_PER_ENDPOINT
      return { endpointId, places: Math.max(0, most - (taken.get(endpointId) ?? 0)), doubtful: doubtful.has(endpointId) }
    }),
    doubtful: Math.max(0, PLACES_FOR_DOUBTFUL - takenByDoubtful),
  }
}

/** Whether the endpoint may be trusted to take the next one. */
async function tell<Row extends Claimed>(
  { outbox, bring, tried }: Courier<Row>,
  claimed: Row,
  closing: AbortSignal,
): Promise<boolean> {
  const exchange = await bring(claimed, closing)
  const { status } = exchange
  if (exchange.accepted) {
    await outbox.note({ claimed, state: 'delivered', status })
    tried('delivered', claimed)
    return true
  }
  const { error, final = false } = exchange
  if (closing.aborted && !final) {
    const ended = 'the server ended while it was told'
    await outbox.note({ claimed, state: 'retrying', waitSeconds: 0, status: undefined, error: ended })
    return true
  }
  if (final || claimed.last) {
    const isOver = await outbox.giveUp(claimed, { status, error })
    tried(isOver ? 'given_up' : 'postponed', claimed, error)
    return final
  }
  await outbox.note({ claimed, state: 'retrying', waitSeconds: secondsToWait(claimed.attempts), status, error })
  tried('postponed', claimed, error)
  return false
}

const FIRST_WAIT_SECONDS = 3
const LONGEST_WAIT_SECONDS = 1800

/** 3 s, 9 s, 27 s … 30 min, each a third to five thirds of that, so that what failed together does not come back together. */
function secondsToWait(attempts: number): number {
  const wait = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 3 ** Math.min(attempts - 1, 10))
  return (wait * (334 + randomInt(1333))) / 1000
}

// Tells clients that sessions are over, many at a time. A client that hangs has few of the places, so that it harms nobody else.
import { randomInt } from 'node:crypto'
import type { Exchange, PostLogoutToken } from './client-endpoint.ts'
import type { SignLogoutToken } from './logout-token.ts'
import type { ClaimedNotification, FreePlaces, LogoutOutbox } from './outbox.ts'

/** What became of an attempt. */
export type LogoutOutcome = 'delivered' | 'postponed' | 'given_up'

/** Delivers. */
export interface LogoutDelivery {
  /** Looks whose turn it is, and begins to tell them; it does not wait for anybody's answer. */
  look(): Promise<void>
  /** The same, and waits until all that was begun is done, and nothing is left whose turn it is. */
  run(): Promise<void>
  /** Breaks off: what is being told is left to another process, which may tell it once more. */
  close(): Promise<void>
}

/** How many clients are told at a time, by one process. */
const PLACES = 32
/** How many of the places one client may have. */
const PLACES_PER_CLIENT = 2
/** How many of the places are left to clients whose last exchange failed, of which each has one. */
const PLACES_FOR_DOUBTFUL = 16

/** Makes it. */
export function createLogoutDelivery(deps: {
  readonly outbox: LogoutOutbox
  readonly sign: SignLogoutToken
  readonly post: PostLogoutToken
  /** Told of each attempt. */
  readonly tried: (outcome: LogoutOutcome, claimed: ClaimedNotification, error?: string) => void
}): LogoutDelivery {
  const { outbox } = deps
  const closing = new AbortController()
  const underWay = new Map<Promise<void>, string>()
  const doubtful = new Set<string>()
  let looking: Promise<void> | undefined
  let again = false

  const mayClaim = () => !closing.signal.aborted && underWay.size < PLACES

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
        for (const claimed of await outbox.claim(freePlaces(underWay, doubtful))) begin(claimed)
      } while (again && mayClaim())
    } finally {
      looking = undefined
    }
  }

  function begin(claimed: ClaimedNotification): void {
    const told = tell(deps, claimed, closing.signal)
      .then((took) => void (took ? doubtful.delete(claimed.clientId) : doubtful.add(claimed.clientId)))
      // The outcome could not be noted: after the lease it is tried again.
      .catch(() => undefined)
      .finally(() => {
        underWay.delete(told)
        // There is a place now. When it cannot be looked, the next look on schedule says so.
        look().catch(() => undefined)
      })
    underWay.set(told, claimed.clientId)
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
      await looking?.catch(() => undefined)
      await Promise.all(underWay.keys())
    },
  }
}

function freePlaces(underWay: ReadonlyMap<unknown, string>, doubtful: ReadonlySet<string>): FreePlaces {
  const taken = new Map<string, number>()
  for (const clientId of underWay.values()) taken.set(clientId, (taken.get(clientId) ?? 0) + 1)
  const known = [...new Set([...taken.keys(), ...doubtful])]
  return {
    places: PLACES - underWay.size,
    perClient: PLACES_PER_CLIENT,
    clients: known.map((clientId) => {
      const most = doubtful.has(clientId) ? 1 : PLACES_PER_CLIENT
      return { clientId, places: Math.max(0, most - (taken.get(clientId) ?? 0)), doubtful: doubtful.has(clientId) }
    }),
    doubtful: Math.max(0, PLACES_FOR_DOUBTFUL - [...underWay.values()].filter((clientId) => doubtful.has(clientId)).length),
  }
}

/** Whether the client took it. */
async function tell(
  { outbox, sign, post, tried }: Parameters<typeof createLogoutDelivery>[0],
  claimed: ClaimedNotification,
  closing: AbortSignal,
): Promise<boolean> {
  if (claimed.uri === null) {
    await giveUp(undefined, 'the client no longer has a backchannel_logout_uri')
    return true
  }
  const exchange = await exchangeWith(claimed.uri)
  const { status } = exchange
  if (exchange.accepted) {
    await outbox.note({ claimed, state: 'delivered', status })
    tried('delivered', claimed)
    return true
  }
  if (closing.aborted) {
    const error = 'the server ended while it was told'
    await outbox.note({ claimed, state: 'retrying', waitSeconds: 0, status: undefined, error })
    return true
  }
  if (claimed.last) return giveUp(status, exchange.error)
  await outbox.note({ claimed, state: 'retrying', waitSeconds: secondsToWait(claimed.attempts), status, error: exchange.error })
  tried('postponed', claimed, exchange.error)
  return false

  async function exchangeWith(uri: string): Promise<Exchange> {
    // Each token has an identifier of its own (RFC 7519 §4.1.7): a client that refuses one that it has seen must not refuse the
    // next attempt, of which nobody knows whether it is the first to arrive.
    const jti = `${claimed.id}.${claimed.attempts}`
    const token = await sign({ ...claimed, jti, issuedAt: claimed.now }).catch(() => undefined)
    const unsigned = {
      accepted: false,
      status: undefined,
      error: `there is no key that signs with ${claimed.algorithm}`,
    } as const
    return token === undefined ? unsigned : post(uri, token, closing)
  }

  async function giveUp(answered: number | undefined, error: string): Promise<false> {
    await outbox.giveUp(claimed, { status: answered, error })
    tried('given_up', claimed, error)
    return false
  }
}

const FIRST_WAIT_SECONDS = 3
const LONGEST_WAIT_SECONDS = 1800

/** 3 s, 9 s, 27 s … 30 min, each a third to five thirds of that, so that what failed together does not come back together. */
function secondsToWait(attempts: number): number {
  const wait = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 3 ** Math.min(attempts - 1, 10))
  return (wait * (334 + randomInt(1333))) / 1000
}

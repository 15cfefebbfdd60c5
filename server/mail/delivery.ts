// Delivers what is in the outbox, one mail after the other.
import { type MailCarrier, MailRefused } from './mail.ts'
import type { ClaimedMail, Outbox } from './outbox.ts'

/** What became of an attempt. */
export type DeliveryOutcome = 'delivered' | 'postponed' | 'given_up'

/** Delivers mail. */
export interface Delivery {
  /** Delivers all that waits and whose turn it is, or as much as the mail server takes. */
  run(): Promise<void>
  /** Breaks off. What is being sent may be sent once more, when its lease is over. */
  close(): void
}

/** Makes it. */
export function createDelivery(deps: {
  readonly outbox: Outbox
  /** Undefined where no mail is sent: what is still in the outbox then waits for a day. */
  readonly carrier: MailCarrier | undefined
  /** Told of each attempt. */
  readonly tried: (outcome: DeliveryOutcome, claimed: ClaimedMail, error?: unknown) => void
}): Delivery {
  const { outbox, carrier, tried } = deps
  const closing = new AbortController()

  async function deliver(claimed: ClaimedMail): Promise<DeliveryOutcome> {
    const { mail } = claimed
    if (mail === undefined) return giveUp(claimed, 'it cannot be opened', undefined)
    try {
      if (carrier === undefined) throw new Error('no mail is sent here')
      await carrier.carry(mail, closing.signal)
    } catch (error) {
      if (error instanceof MailRefused) return giveUp(claimed, 'refused', error)
      if (claimed.last) return giveUp(claimed, 'tried for a day', error)
      await outbox.postpone(claimed)
      tried('postponed', claimed, error)
      return 'postponed'
    }
    await outbox.delivered(claimed)
    tried('delivered', claimed)
    return 'delivered'
  }

  async function giveUp(claimed: ClaimedMail, reason: string, error: unknown): Promise<DeliveryOutcome> {
    await outbox.giveUp(claimed, reason)
    tried('given_up', claimed, error)
    return 'given_up'
  }

  async function deliverAll(): Promise<void> {
    while (!closing.signal.aborted) {
      const claimed = await outbox.claim()
      // A server that does not take one mail now will not take the next; it is asked again in the next run.
      if (claimed === undefined || (await deliver(claimed)) === 'postponed') return
    }
  }

  let last: Promise<void> = Promise.resolve()
  return {
    run() {
      // After the run before: what that one has claimed is delivered too when this one is done.
      const run = last.then(deliverAll)
      last = run.catch(() => undefined)
      return run
    },
    close: () => closing.abort(),
  }
}

// What a noun refuses, as a sentence for the person at the console.
import { ClientOutOfReach, ClientRefused } from '../clients/client-standing.ts'
import { HttpProblem } from '../http/problems.ts'
import { KeyRefused } from '../keys/signing-keys.ts'
import { ResourceServerRefused } from '../resource-servers/resource-servers.ts'
import { SessionReviewRefused } from '../session-reviews/review-keeping.ts'
import { TokenNameRefused } from '../tokens/revocation-by-name.ts'
import { WebhookRefused } from '../webhooks/webhook-rules.ts'

/** Their messages are written for the one who asked. Those of accounts have more to say (account-page.ts). */
const REFUSED = [ClientRefused, ResourceServerRefused, KeyRefused, SessionReviewRefused, TokenNameRefused, WebhookRefused]

/** The sentence. @throws HttpProblem 403 for an app that is out of reach; and whatever is no refusal */
export function refusalOf(error: unknown): string {
  if (error instanceof ClientOutOfReach) throw outOfReach(sentence(error.message), error)
  if (REFUSED.some((kind) => error instanceof kind)) return sentence((error as Error).message)
  throw error
}

/** Does something that may be refused, where the page on which it was asked for cannot be shown again. @throws HttpProblem 409 */
export async function refusing<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw new HttpProblem(409, 'Not so', refusalOf(error), { cause: error })
  }
}

/** Something may do more than the person, who may not change it. */
export function outOfReach(detail: string, cause?: Error): HttpProblem {
  return new HttpProblem(403, 'Out of reach', detail, { type: 'out-of-reach', cause })
}

/** A message as a sentence. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** Another secret was asked for, with an overlap that is not one of the choices. */
export const NO_SUCH_OVERLAP = 'No secret was made: choose how long the one before stays good.'

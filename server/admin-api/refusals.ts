// What a noun refuses, as an answer of the admin API.
import { ChangedMeanwhile } from '../audit/versions.ts'
import { ClientOutOfReach, ClientRefused, ClientUnknown } from '../clients/client-standing.ts'
import { KeyRefused } from '../keys/signing-keys.ts'
import { ResourceServerRefused, ResourceServerUnknown } from '../resource-servers/resource-servers.ts'
import { SessionReviewRefused } from '../session-reviews/review-keeping.ts'
import { WebhookRefused } from '../webhooks/webhook-rules.ts'
import { notFound, outOfReach, refused, staleVersion } from './shapes.ts'

/** Does something with a noun, whose name is given for the one who asked. @throws HttpProblem 403, 404, 409, 412 */
export async function refusing<Result>(noun: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ClientUnknown || error instanceof ResourceServerUnknown) throw notFound(noun)
    if (error instanceof ChangedMeanwhile) throw staleVersion(noun)
    if (error instanceof ClientOutOfReach) throw outOfReach(error.message, error)
    if (REFUSED.some((kind) => error instanceof kind)) throw refused((error as Error).message, error)
    throw error
  }
}

/** Their messages are written for the one who asked. */
const REFUSED = [ClientRefused, ResourceServerRefused, KeyRefused, SessionReviewRefused, WebhookRefused]

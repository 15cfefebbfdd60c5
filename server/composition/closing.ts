// The end of the program, one step after the other, so that it can be told for which of them it waits.
import type { Log } from '../http/log.ts'
import type { RestoreWatch } from '../maintenance/restored-database.ts'
import type { Schedule } from '../maintenance/schedule.ts'
import type { Delivery } from '../outbox/delivery.ts'
import type { AdministrationParts } from './administration.ts'
import type { AuditParts } from './audit.ts'
import type { MailParts } from './mail.ts'
import type { Nouns } from './nouns.ts'
import type { RevocationParts } from './revocations.ts'
import type { OpenStores } from './stores.ts'
import type { SystemParts } from './system.ts'

/** The end of the program. */
export interface Closing {
  /** Closes everything. */
  close(): Promise<void>
  /** For what the end waits, in words. */
  waitsFor(): string
}

/** What is closed. */
export interface ClosingParts {
  readonly log: Log
  readonly mail: MailParts
  readonly schedule: Schedule
  readonly audit: Pick<AuditParts, 'occasional'>
  readonly administration: Pick<AdministrationParts, 'auditStreams' | 'refusedRequests'>
  readonly revocations: RevocationParts
  /** By what they deliver. */
  readonly deliveries: { readonly [what: string]: Delivery }
  readonly nouns: Nouns
  readonly restoreWatch: RestoreWatch
  readonly system: SystemParts
  readonly stores: OpenStores
}

/** Makes it. */
export function createClosing(parts: ClosingParts): Closing {
  const { log, mail, schedule, audit, administration, revocations, deliveries, nouns, restoreWatch, system, stores } = parts
  const steps: readonly (readonly [waitsFor: string, step: () => Promise<unknown>])[] = [
    ['background work', () => schedule.stop()],
    ['refused requests that are to be written down', () => audit.occasional.close()],
    ['what tells of revocations', () => revocations.close()],
    ['outboxes', () => Promise.all(Object.entries(deliveries).map(([what, delivery]) => closeOutbox(log, what, delivery)))],
    ['last uses of sessions', () => unlessItFails(log, 'last uses were not written', nouns.sessions.writeLastUses())],
    ['the note of the last revocations', () => unlessItFails(log, 'the last revocations were not noted', restoreWatch.check())],
    ['refused requests that are not written down', () => administration.refusedRequests.close()],
    ['workers that hash passwords', () => nouns.close()],
    ['the list of processes', () => system.close()],
    ['the stores', () => stores.close()],
  ]
  let waitsFor = 'what runs beside the server'
  return {
    waitsFor: () => waitsFor,
    async close() {
      mail.delivery.close()
      administration.auditStreams.close()
      for (const [name, step] of steps) {
        waitsFor = name
        await step()
      }
      waitsFor = 'a connection that is still open'
    },
  }
}

async function closeOutbox(log: Log, what: string, delivery: Delivery): Promise<void> {
  const left = await delivery.close()
  if (left > 0) log.warn({ left }, `${what}: some were still under way, and are told once more after the next start`)
}

async function unlessItFails(log: Log, message: string, work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => log.warn({ err: error }, message))
}

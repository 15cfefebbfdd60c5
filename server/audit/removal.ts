// Whether what is gone from the beginning of the audit log went as it should: by a seal that the server made and nobody changed, and after
// the time that an event of the log says. Of the seals that are gone the last one stays, without its events: the anchor.
import type { AuditKeys } from './chain.ts'
import type { SaidRemoval, Seal } from './verification-store.ts'

/** What is not as it should be. */
export interface RemovalFault {
  /**
   * `removed_unproven`: the anchor is not as it was made, or its key was taken away. `removed_unsaid`: no event that the server wrote tells of it.
   * `removed_early`: before 30 days, or before the time that its event says.
   */
  readonly kind: 'removed_unproven' | 'removed_unsaid' | 'removed_early'
  readonly text: string
}

/** What there is to say of a removal. */
export interface Removal {
  readonly faults: readonly RemovalFault[]
  /** What may be right, and only whoever looks can know; one line. */
  readonly remark: string | undefined
}

/** What it is looked at with. */
export interface RemovalContext {
  readonly keys: AuditKeys
  /** The events that name the anchor. */
  readonly said: readonly SaidRemoval[]
  /** How long events are kept now; undefined: for ever. */
  readonly keptSeconds: number | undefined
}

const DAY_SECONDS = 86_400
/** The database itself keeps them so long. */
const LEAST_KEPT_SECONDS = 30 * DAY_SECONDS

/** Looks at it. */
export function lookAtRemoval(anchor: Seal, { keys, said, keptSeconds }: RemovalContext): Removal {
  const saysNothing = said.length === 0 ? [unsaid(anchor)] : []
  // Of a seal that is unproven it is not known when it was made, nor whether what was said of it could be told now.
  if (!keys.made(anchor)) return { faults: [unproven(anchor), ...saysNothing], remark: undefined }
  const written = said.filter((one) => keys.wroteRemoval({ ...anchor, keptSeconds: one.keptSeconds }, one.proof))
  const [first] = written
  const fitting = written.find((one) => wasOver(anchor, one.at, Math.max(one.keptSeconds, LEAST_KEPT_SECONDS)))
  const faults: RemovalFault[] = []
  if (!wasOver(anchor, anchor.now, LEAST_KEPT_SECONDS)) faults.push(young(anchor))
  else if (first !== undefined && fitting === undefined) faults.push(early(anchor, first))
  if (first === undefined) faults.push(...(said[0] === undefined ? saysNothing : [forged(anchor, said[0])]))
  const remark = faults.length > 0 || fitting === undefined ? undefined : remarkOn(anchor, fitting, keptSeconds)
  return { faults, remark }
}

function unproven({ number }: Seal): RemovalFault {
  const text = `seal ${number}, the last one whose events are gone, fits no key of ENCRYPTION_KEY: it was changed, or its key was taken away, and without that key nobody can tell which`
  return { kind: 'removed_unproven', text }
}

function young({ number }: Seal): RemovalFault {
  return { kind: 'removed_early', text: `seal ${number} is not 30 days old, and its events are gone` }
}

function early({ number, sealedAt }: Seal, { event, at, keptSeconds }: SaidRemoval): RemovalFault {
  const text = `seal ${number} is of ${dayOf(sealedAt)}, and event ${event} of ${dayOf(at)} says that what it sealed was kept for ${days(keptSeconds)}`
  return { kind: 'removed_early', text }
}

function unsaid({ number }: Seal): RemovalFault {
  const text = `no event audit_events.removed says that what seal ${number} and those before it sealed was removed`
  return { kind: 'removed_unsaid', text }
}

function forged({ number }: Seal, { event }: SaidRemoval): RemovalFault {
  const text = `event ${event} says that what seal ${number} and those before it sealed was removed, and no server with a key of ENCRYPTION_KEY has written it`
  return { kind: 'removed_unsaid', text }
}

/** The setting may have been another one when they were removed, and that of the servers may be another one than ours. */
function remarkOn(
  anchor: Seal,
  { event, at, keptSeconds: kept }: SaidRemoval,
  keptSeconds: number | undefined,
): string | undefined {
  if (keptSeconds !== undefined && wasOver(anchor, anchor.now, keptSeconds)) return undefined
  const wanted = keptSeconds === undefined ? 'for ever' : `for ${days(keptSeconds)}`
  return `LATCHKEY_AUDIT_RETENTION keeps events ${wanted}, and those of ${dayOf(anchor.sealedAt)} and before are gone: event ${event} of ${dayOf(at)} says that they were kept for ${days(kept)}. Unless the setting was so short then, they were removed by somebody else.`
}

/** Whether a time had gone by since the seal was made; never, when it is no time. */
function wasOver({ sealedAt }: Seal, at: bigint, seconds: number): boolean {
  const milliseconds = Math.ceil(seconds * 1000)
  return Number.isFinite(milliseconds) && sealedAt <= at - BigInt(milliseconds)
}

function dayOf(milliseconds: bigint): string {
  return new Date(Number(milliseconds)).toISOString().slice(0, 10)
}

function days(seconds: number): string {
  return Number.isFinite(seconds) ? `${Math.round((seconds / DAY_SECONDS) * 10) / 10} days` : 'a time that it does not say'
}

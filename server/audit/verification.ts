// Looks through the whole audit log, and finds every event that was changed, taken out, put in or moved since it got its seal: which,
// and under which seal. It goes through the events in the order of their ids and through the seals in theirs, a few thousand at a time.
import type { Database } from '../storage/postgres.ts'
import { type AuditHead, type AuditKeys, eventDigest, headText, MARK_BYTES, NOTHING_BEFORE, sealDigest } from './chain.ts'
import { lookAtRemoval, type RemovalFault } from './removal.ts'
import { AuditChainBroken, type AuditSealer } from './sealer.ts'
import {
  EVENTS_AT_ONCE,
  type Seal,
  selectEvents,
  selectEventsAfter,
  selectRemovedThrough,
  selectSaidRemovals,
  selectSeals,
} from './verification-store.ts'

/** One thing that is not as it was. */
export interface AuditFault {
  /**
   * `changed`, `missing`, `inserted`: an event. `seal_changed`, `seal_missing`: the chain itself. `foreign_seal`: not made with a key of this server.
   * `removed_…`: what is gone was not removed as it should be. `head`: the log is not the one that the head was taken of, or its end was
   * cut off.
   */
  readonly kind:
    | 'changed'
    | 'missing'
    | 'inserted'
    | 'seal_changed'
    | 'seal_missing'
    | 'foreign_seal'
    | RemovalFault['kind']
    | 'head'
  readonly event?: bigint
  readonly seal?: bigint
  /** For people, one line. */
  readonly text: string
}

/** What was found. */
export interface AuditVerification {
  readonly events: number
  readonly seals: number
  /** The last seal; undefined when there is none. */
  readonly head: AuditHead | undefined
  /** The last seal whose events are gone. */
  readonly removedThrough: bigint | undefined
  /** Events that have no seal yet. */
  readonly unsealed: number
  readonly faults: readonly AuditFault[]
  /** There are more than are listed. */
  readonly more: boolean
  /** What may be right, and only whoever looks can know. For people, a line each. */
  readonly remarks: readonly string[]
}

/** What it needs. */
export interface VerificationDeps {
  readonly db: Database
  readonly keys: AuditKeys
  /** Seals what has none, so that everything is looked at. */
  readonly sealer: AuditSealer
  /** How long events are kept now; undefined: for ever. */
  readonly keptSeconds: number | undefined
  /** Told now and then how many events were looked at. */
  readonly progress?: (events: number) => void
}

const MOST_FAULTS = 1000
/** How often events without a seal are given another chance: another process may be at it. */
const ROUNDS = 20
const ROUND_MS = 250

/** Looks through it. @param head what was written down elsewhere, to be compared with */
export async function verifyAuditLog(deps: VerificationDeps, head?: AuditHead): Promise<AuditVerification> {
  for (;;) {
    const found = await walkThrough(deps, head)
    // What is removed meanwhile because it was kept long enough is not missing.
    if ((await selectRemovedThrough(deps.db)) === found.removedThrough) return found
  }
}

async function walkThrough(deps: VerificationDeps, head: AuditHead | undefined): Promise<AuditVerification> {
  const walk = new Walk(deps, head)
  for (let round = 0; ; round += 1) {
    const goesOn = await sealAll(deps.sealer)
    await walk.throughSeals()
    await walk.throughRest()
    if (!walk.waitsInVain || !goesOn || round === ROUNDS) break
    walk.sealAgain()
    if (round > 0) await new Promise((done) => setTimeout(done, ROUND_MS))
  }
  return walk.end()
}

/** False when the chain cannot be gone on with, which the walk finds by itself. */
async function sealAll(sealer: AuditSealer): Promise<boolean> {
  try {
    await sealer.run()
    return true
  } catch (error) {
    if (error instanceof AuditChainBroken) return false
    throw error
  }
}

/** How far it has come. */
class Walk {
  readonly #deps: VerificationDeps
  readonly #head: AuditHead | undefined
  readonly #faults: AuditFault[] = []
  #more = false
  readonly #remarks: string[] = []
  #events = 0
  #seals = 0
  #last: Seal | undefined
  #removedThrough: bigint | undefined
  /** The first of the seals at the end that were not made here; undefined when the last one was. */
  #foreignSince: bigint | undefined
  /** All events up to this id were read; undefined: none was. */
  #covered: bigint | undefined
  /** Of those, the ones whose seal was not read yet, with their digests. */
  readonly #waiting = new Map<bigint, Buffer>()
  /** Those that waited when there was last sealed: whatever is right has a seal by now. Undefined: nothing was sealed since. */
  #waited: ReadonlySet<bigint> | undefined
  /** Events beyond it whose seal was read already. */
  readonly #ahead = new Set<bigint>()

  constructor(deps: VerificationDeps, head: AuditHead | undefined) {
    this.#deps = deps
    this.#head = head
  }

  /** What came while it was looked at waits for the next seal, and is nothing to wait for: on a busy server there is always some. */
  get waitsInVain(): boolean {
    return [...this.#waiting.keys()].some((id) => this.#waited?.has(id) ?? true)
  }

  sealAgain(): void {
    this.#waited = new Set(this.#waiting.keys())
  }

  async throughSeals(): Promise<void> {
    for (;;) {
      const seals = await selectSeals(this.#deps.db, this.#last?.number)
      if (seals.length === 0) return
      const [first] = seals
      if (this.#last === undefined && first?.removed === true) await this.#lookAtAnchor(first)
      const digests = await this.#digestsOf(seals.flatMap(({ eventIds }) => eventIds))
      for (const seal of seals) this.#look(seal, digests)
      this.#deps.progress?.(this.#events)
    }
  }

  /** Whatever has no seal. */
  async throughRest(): Promise<void> {
    while ((await this.#read(undefined)) > 0);
  }

  end(): AuditVerification {
    const sealed = this.#last?.eventIds.at(-1) ?? 0n
    let unsealed = 0
    for (const id of [...this.#waiting.keys()].toSorted(byValue)) {
      // The latest are merely waiting: all of them while nothing can be sealed, and otherwise those that came since there was sealed.
      if (this.#foreignSince === undefined ? this.#waited?.has(id) === false : id > sealed) unsealed += 1
      else this.#fault({ kind: 'inserted', event: id, text: `event ${id} was put in behind the chain: no seal has it` })
    }
    if (this.#foreignSince !== undefined) {
      const seal = this.#foreignSince
      this.#fault({ kind: 'foreign_seal', seal, text: `the seals from ${seal} on were not made with a key of ENCRYPTION_KEY` })
    }
    this.#compareHead()
    const last = this.#last
    return {
      events: this.#events,
      seals: this.#seals,
      head: last === undefined ? undefined : { number: last.number, digest: last.digest },
      removedThrough: this.#removedThrough,
      unsealed,
      faults: this.#faults,
      more: this.#more,
      remarks: this.#remarks,
    }
  }

  #look(seal: Seal, digests: ReadonlyMap<bigint, Buffer>): void {
    const before = this.#last
    this.#last = seal
    this.#seals += 1
    this.#events += seal.eventIds.length
    if (!this.#deps.keys.made(seal)) this.#foreignSince ??= seal.number
    else this.#foreignSince = undefined
    if (this.#head?.number === seal.number && !Buffer.from(this.#head.digest).equals(Buffer.from(seal.digest))) {
      const text = `seal ${seal.number} is not the one of the head ${headText(this.#head)}`
      this.#fault({ kind: 'head', seal: seal.number, text })
    }
    if (seal.number !== this.#removedThrough) this.#lookAtSeal(seal, before, digests)
  }

  #lookAtSeal(seal: Seal, before: Seal | undefined, digests: ReadonlyMap<bigint, Buffer>): void {
    const expected = after(before)
    const gap = seal.number !== expected
    if (seal.number < expected) {
      const text = `seal ${seal.number} was put in before the first one`
      this.#fault({ kind: 'seal_changed', seal: seal.number, text })
    } else if (gap) {
      const which = seal.number - expected === 1n ? `seal ${expected} is` : `the seals ${expected} to ${seal.number - 1n} are`
      this.#fault({ kind: 'seal_missing', seal: expected, text: `${which} missing, with what they sealed` })
    }
    const changed = this.#lookAtEvents(seal, digests)
    if (gap || changed) return
    const eventDigests = seal.eventIds.map((id) => digests.get(id) ?? Buffer.alloc(0))
    const digest = sealDigest({ ...seal, previous: before?.digest ?? NOTHING_BEFORE, eventDigests })
    const text = `seal ${seal.number} does not fit what it seals, or the seal before`
    if (!digest.equals(Buffer.from(seal.digest))) this.#fault({ kind: 'seal_changed', seal: seal.number, text })
  }

  /** Of the last seal whose events are gone, what says who made it and when is left. */
  async #lookAtAnchor(seal: Seal): Promise<void> {
    const { db, keys, keptSeconds } = this.#deps
    this.#removedThrough = seal.number
    const said = await selectSaidRemovals(db, seal.number)
    const { faults, remark } = lookAtRemoval(seal, { keys, said, keptSeconds })
    for (const fault of faults) this.#fault({ ...fault, seal: seal.number })
    if (remark !== undefined) this.#remarks.push(remark)
  }

  /** True when some event is not as it was sealed. */
  #lookAtEvents({ number, eventIds, marks }: Seal, digests: ReadonlyMap<bigint, Buffer>): boolean {
    let found = false
    eventIds.forEach((id, index) => {
      const digest = digests.get(id)
      const mark = Buffer.from(marks.subarray(index * MARK_BYTES, (index + 1) * MARK_BYTES))
      if (digest === undefined)
        this.#fault({ kind: 'missing', event: id, seal: number, text: `event ${id} is missing (seal ${number})` })
      else if (!digest.subarray(0, MARK_BYTES).equals(mark))
        this.#fault({ kind: 'changed', event: id, seal: number, text: `event ${id} was changed (seal ${number})` })
      else return
      found = true
    })
    return found
  }

  #compareHead(): void {
    const head = this.#head
    if (head === undefined) return
    const { number: seal } = head
    const last = this.#last?.number ?? 0n
    const cutOff = `the end of the log was cut off: the head is seal ${seal}, and the last seal is ${last}`
    const gone = `seal ${seal} is gone, with what was removed: compare with a later head`
    if (seal > last) this.#fault({ kind: 'head', seal, text: cutOff })
    else if (this.#removedThrough !== undefined && seal < this.#removedThrough) this.#fault({ kind: 'head', seal, text: gone })
  }

  #fault(fault: AuditFault): void {
    if (this.#faults.length < MOST_FAULTS) this.#faults.push(fault)
    else this.#more = true
  }

  /** The digests of some events, read in the order of ids as far as that leads to them. */
  async #digestsOf(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, Buffer>> {
    const highest = ids.toSorted(byValue).at(-1) ?? 0n
    // An id that is far beyond the others is looked for by itself, or everything between would have to be remembered.
    for (let reads = 0; reads < 3 && !this.#hasRead(highest); reads += 1) if ((await this.#read(highest)) === 0) break
    const found = new Map<bigint, Buffer>()
    const elsewhere: bigint[] = []
    for (const id of ids) {
      const digest = this.#waiting.get(id)
      if (digest === undefined) elsewhere.push(id)
      else found.set(id, digest)
      this.#waiting.delete(id)
    }
    for (const { id, text } of await selectEvents(this.#deps.db, elsewhere)) {
      found.set(id, eventDigest(text))
      if (!this.#hasRead(id)) this.#ahead.add(id)
    }
    return found
  }

  #hasRead(id: bigint): boolean {
    return this.#covered !== undefined && id <= this.#covered
  }

  /** Reads on; how many events there were. */
  async #read(highest: bigint | undefined): Promise<number> {
    const events = await selectEventsAfter(this.#deps.db, this.#covered, highest)
    for (const { id, text } of events) if (!this.#ahead.delete(id)) this.#waiting.set(id, eventDigest(text))
    const last = events.at(-1)?.id
    this.#covered = events.length < EVENTS_AT_ONCE && highest !== undefined ? highest : (last ?? this.#covered)
    return events.length
  }
}

/** The number that comes next. What somebody put in before the first seal does not count. */
function after(seal: Seal | undefined): bigint {
  return seal === undefined || seal.number < 1n ? 1n : seal.number + 1n
}

function byValue(one: bigint, other: bigint): number {
  return one < other ? -1 : 1
}

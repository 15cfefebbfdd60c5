// Mail that waits to be delivered. It is written in the transaction of what it tells of, so that neither is there without the
// other, and is delivered by whichever process claims it first. A claim is a lease: of a process that dies in the middle nobody
// knows whether it had sent the mail, and then it is sent once more rather than never.
import { randomBytes, randomInt } from 'node:crypto'
import { z } from 'zod'
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import type { Mail, OutgoingMail } from './mail.ts'

/** A mail to be put in. */
export interface NewMail extends Mail {
  /** What it tells of, for the operator. */
  readonly kind: string
  readonly accountId: string
}

/** A mail that this process may deliver now. */
export interface ClaimedMail {
  readonly id: string
  readonly kind: string
  readonly accountId: string
  readonly attempts: number
  /** It has been tried for a day: this is the last time. */
  readonly last: boolean
  /** Undefined when it cannot be opened: its key is gone. */
  readonly mail: OutgoingMail | undefined
}

/** The outbox of one database. */
export interface Outbox {
  /** Puts a mail in, in the transaction of what it tells of. Where no mail is sent, nothing is put in. */
  enqueue(tx: Transaction, mail: NewMail): Promise<void>
  /** Takes the mail whose turn it is; no other process gets it before the lease is over. */
  claim(): Promise<ClaimedMail | undefined>
  /** It was delivered: nothing of it is kept. */
  delivered(claimed: ClaimedMail): Promise<void>
  /** It will be tried again, later each time. */
  postpone(claimed: ClaimedMail): Promise<void>
  /** It will not be tried again, which is recorded; nothing of it is kept. */
  giveUp(claimed: ClaimedMail, reason: string): Promise<void>
  /** How many wait. */
  waiting(): Promise<number>
  /** How many wait for longer than so many seconds; large numbers are not counted to the end. */
  late(seconds: number): Promise<number>
}

/** Makes it. */
export function createOutbox(deps: {
  readonly db: Database
  readonly sealer: Sealer
  /** False: no mail is sent here. */
  readonly enabled: boolean
  /** Records that a mail was given up, in the transaction that removes it. */
  readonly recordGivenUp: (tx: Transaction, claimed: ClaimedMail, reason: string) => Promise<void>
}): Outbox {
  const { db, sealer } = deps
  return {
    async enqueue(tx, { kind, accountId, to, subject, text, html }) {
      if (!deps.enabled) return
      const id = `mail_${randomBytes(16).toString('base64url')}`
      const content = JSON.stringify({ to, subject: oneLine(subject), text, html })
      const sealed = Buffer.from(sealer.seal(content, contextOf(id)))
      await tx.outgoingMail.create({ data: { id, kind, accountId, sealed }, select: { id: true } })
    },

    async claim() {
      const rows = await db.$queryRaw<ClaimedRow[]>(Prisma.sql`
        UPDATE mail_outbox
        SET attempts = attempts + 1, next_attempt_at = latchkey_now() + make_interval(secs => ${LEASE_SECONDS})
        WHERE id = (SELECT id FROM mail_outbox WHERE next_attempt_at <= latchkey_now()
          ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id, kind, account_id AS "accountId", sealed, attempts, created_at AS "createdAt",
          created_at <= latchkey_now() - make_interval(secs => ${TRIED_FOR_SECONDS}) AS last`)
      const [row] = rows
      if (row === undefined) return undefined
      const { sealed, createdAt, ...claimed } = row
      return { ...claimed, mail: openMail(sealer, row.id, sealed, createdAt) }
    },

    async delivered({ id }) {
      await db.outgoingMail.deleteMany({ where: { id } })
    },

    async postpone({ id, attempts }) {
      // Somebody else's claim, after this one's lease, is left alone.
      await db.$executeRaw(Prisma.sql`
        UPDATE mail_outbox SET next_attempt_at = latchkey_now() + make_interval(secs => ${secondsToWait(attempts)})
        WHERE id = ${id} AND attempts = ${attempts}`)
    },

    async giveUp(claimed, reason) {
      await db.$transaction(async (tx) => {
        const { count } = await tx.outgoingMail.deleteMany({ where: { id: claimed.id } })
        if (count === 1) await deps.recordGivenUp(tx, claimed, reason)
      })
    },

    waiting: () => db.outgoingMail.count(),

    async late(seconds) {
      const rows = await db.$queryRaw<{ count: number }[]>(Prisma.sql`
        SELECT count(*)::int AS count FROM (
          SELECT FROM mail_outbox WHERE created_at <= latchkey_now() - make_interval(secs => ${seconds}) LIMIT ${MOST_COUNTED}) late`)
      return rows[0]?.count ?? 0
    },
  }
}

/** Longer than a mail server may take (smtp.ts). */
const LEASE_SECONDS = 60

/** As long as a mail server may be out of order before somebody has seen to it. */
const TRIED_FOR_SECONDS = 86_400

/** How many that are late are counted. */
const MOST_COUNTED = 1001

const FIRST_WAIT_SECONDS = 5
const LONGEST_WAIT_SECONDS = 3600

interface ClaimedRow extends Omit<ClaimedMail, 'mail'> {
  readonly sealed: Uint8Array
  readonly createdAt: Date
}

const CONTENT = z.object({ to: z.string(), subject: z.string(), text: z.string(), html: z.string() })

function openMail(sealer: Sealer, id: string, sealed: Uint8Array, createdAt: Date): OutgoingMail | undefined {
  try {
    const content = CONTENT.parse(JSON.parse(sealer.open(sealed, contextOf(id)).toString('utf8')))
    return { id, createdAt, ...content }
  } catch {
    // Sealed under a key that was taken away, or not by us: whoever claimed it says so.
    return undefined
  }
}

function contextOf(id: string): string {
  return `mail_outbox:${id}`
}

/** 5 s, 15 s, 45 s … 1 h, each half to one and a half times that, so that what failed together does not come back together. */
function secondsToWait(attempts: number): number {
  const wait = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 3 ** Math.min(attempts - 1, 10))
  return (wait * (500 + randomInt(1000))) / 1000
}

/** A header has one line, and names of apps are written by others. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 200)
}

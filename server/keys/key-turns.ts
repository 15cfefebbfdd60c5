// Keys take turns: one is announced in the JWKS long enough for everybody to have fetched it, then it signs, then it stays published until
// nothing that it signed is in use, and then its private part goes. PostgreSQL's clock says when; each step is taken once, by whichever
// process looks first, and all others follow.
import { Prisma } from '../../prisma/client/client.ts'
import { type Change, recordChange } from '../audit/change.ts'
import { checkVersion, versionOf } from '../audit/versions.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import {
  insertKey,
  KeyRefused,
  lockKeys,
  makeKey,
  readSigningKeys,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
} from './signing-keys.ts'

/**
 * How long a key is announced before it signs, in seconds. Caches may keep `/jwks` for five minutes (provider/protocol-routes.ts), and
 * libraries keep it for longer than they are told to.
 */
export const ANNOUNCED_SECONDS = 3600

/** So old a key should not become, in seconds. */
export const ROTATION_DUE_SECONDS = 90 * 86_400

/** Where a key is in its life. */
export type KeyStatus = 'announced' | 'signing' | 'retired' | 'removed' | 'compromised'

/** A key, as administrators see it. */
export interface KeyItem {
  readonly kid: string
  readonly alg: string
  readonly status: KeyStatus
  readonly createdAt: Date
  /** Of one that is announced. */
  readonly signsFrom?: Date
  readonly signingSince?: Date
  readonly retiredAt?: Date
  /** Of one that is retired. */
  readonly publishedUntil?: Date
  /** What is to happen next, or should be done, and when. */
  readonly due?: { readonly what: 'signs' | 'rotate' | 'removed'; readonly at: Date }
}

/** The turns of the keys of one database. */
export interface KeyTurns {
  /** The latest first. `after` is the last one of the page before. */
  page(query: { readonly limit: number; readonly after?: Pick<KeyItem, 'kid' | 'createdAt'> }): Promise<KeyItem[]>
  find(kid: string): Promise<KeyItem | undefined>
  /**
   * Announces a new key for each algorithm, or the one that is given; `now` has it sign at once, or the one that was announced before.
   * @param request.seen the version of the turns that was looked at; undefined: whichever there is
   * @throws KeyRefused when there is nothing to announce, since one is announced already
   * @throws ChangedMeanwhile when keys have had their turn since: what is asked for twice is made once
   * @throws UnsealError when ENCRYPTION_KEY is not that of the keys that are there: what is sealed under another nobody else could open
   */
  rotate(
    request: { readonly alg?: SigningAlgorithm; readonly now?: boolean; readonly seen?: string },
    change: Change,
  ): Promise<KeyItem[]>
  /** Of which keys sign or wait for their turn. */
  version(): Promise<string>
  /**
   * Takes a key from its turn: one that signs hands over at once, to the one that is announced or to a new one; one that is announced
   * never signs. @throws KeyRefused when there is no such key, or its turn is over @throws UnsealError
   */
  retire(kid: string, change: Change): Promise<KeyItem[]>
  /** Takes the steps that are due. */
  run(): Promise<void>
}

/** Makes them. */
export function createKeyTurns(deps: {
  readonly db: Database
  readonly sealer: Sealer
  /** How long what a key has signed may still be in use once it signs no more, in seconds. */
  readonly publishedSeconds: number
  /** Told when something was changed, and waited for. */
  readonly changed: () => Promise<unknown>
}): KeyTurns {
  const { db, sealer, publishedSeconds } = deps
  const find = async (kid: string) => (await select(db, Prisma.sql`id = ${kid}`, 1))[0]

  /** Several steps as one transaction, under the lock that all who change keys take. */
  async function step(work: (tx: Transaction) => Promise<string[]>): Promise<KeyItem[]> {
    const kids = await db.$transaction(async (tx) => {
      await lockKeys(tx)
      return work(tx)
    })
    await deps.changed()
    return kids.length === 0 ? [] : select(db, Prisma.sql`id = ANY(${kids}::text[])`, kids.length)
  }

  return {
    page({ limit, after }) {
      const beyond = after === undefined ? Prisma.sql`true` : Prisma.sql`(created_at, id) < (${after.createdAt}, ${after.kid})`
      return select(db, beyond, limit)
    },

    async find(kid) {
      return isKid(kid) ? find(kid) : undefined
    },

    version: () => versionOfTurns(db),

    async rotate({ alg, now = false, seen }, change) {
      const wanted = alg === undefined ? SIGNING_ALGORITHMS : [alg]
      await readSigningKeys({ db, sealer })
      // Made before the transaction: that of an RSA key takes long.
      const made = await Promise.all(wanted.map((one) => makeKey(sealer, one)))
      return step(async (tx) => {
        if (seen !== undefined) checkVersion(await versionOfTurns(tx), seen)
        const kids = await takeTurns(tx, made, { now, change, publishedSeconds })
        if (kids.length === 0)
          throw new KeyRefused(`a key is announced already for ${wanted.join(', ')}, and has not had its turn`)
        return kids
      })
    },

    async retire(kid, change) {
      const known = isKid(kid) ? await find(kid) : undefined
      if (known === undefined) throw new KeyRefused(`there is no key ${kid}`)
      await readSigningKeys({ db, sealer })
      const made = await makeKey(sealer, known.alg)
      return step(async (tx) => {
        const [row] = await tx.$queryRaw<{ status: KeyStatus }[]>`SELECT status FROM signing_keys WHERE id = ${kid}`
        if (row?.status === 'announced') return withdraw(tx, kid, change)
        if (row?.status !== 'signing') throw new KeyRefused(`the key ${kid} signs nothing any more`)
        const waiting = await announcedKey(tx, known.alg)
        if (waiting === undefined) await insertKey(tx, made, { announcedSeconds: 0, change })
        const next = waiting ?? made.kid
        return [next, ...(await handOver(tx, next, { change, publishedSeconds }))]
      })
    },

    async run() {
      const [{ due } = { due: false }] = await db.$queryRaw<{ due: boolean }[]>(Prisma.sql`
        SELECT EXISTS (SELECT 1 FROM signing_keys WHERE ${IS_DUE}) AS due`)
      if (!due) return
      await step(async (tx) => {
        const change = { actor: 'system' }
        const rows = await tx.$queryRaw<{ kid: string; status: KeyStatus }[]>(Prisma.sql`
          SELECT id AS kid, status FROM signing_keys WHERE ${IS_DUE} ORDER BY signs_from, id`)
        for (const { kid, status } of rows) {
          if (status === 'announced') await handOver(tx, kid, { change, publishedSeconds })
          else await removeKey(tx, kid, change)
        }
        return []
      })
    },
  }
}

/** Each new key is announced, or signs now, or the one that was announced before. @returns the ids of all keys that this changed */
async function takeTurns(
  tx: Transaction,
  made: readonly Awaited<ReturnType<typeof makeKey>>[],
  { now, change, publishedSeconds }: { readonly now: boolean; readonly change: Change; readonly publishedSeconds: number },
): Promise<string[]> {
  const kids: string[] = []
  for (const key of made) {
    const waiting = await announcedKey(tx, key.alg)
    if (waiting !== undefined && !now) continue
    if (waiting === undefined) await insertKey(tx, key, { announcedSeconds: now ? 0 : ANNOUNCED_SECONDS, change })
    const kid = waiting ?? key.kid
    kids.push(kid, ...(now ? await handOver(tx, kid, { change, publishedSeconds }) : []))
  }
  return kids
}

async function versionOfTurns(db: Database | Transaction): Promise<string> {
  const rows = await db.$queryRaw<{ id: string; status: KeyStatus }[]>`
    SELECT id, status FROM signing_keys WHERE status IN ('announced', 'signing') ORDER BY id`
  return versionOf(rows.map(({ id, status }) => [id, status]))
}

/** A key that is announced has its turn now; the one before it is retired. @returns the ids of those that are */
export async function handOver(
  tx: Transaction,
  kid: string,
  { change, publishedSeconds }: { readonly change: Change; readonly publishedSeconds: number },
): Promise<string[]> {
  const [next] = await tx.$queryRaw<{ alg: string }[]>`
    UPDATE signing_keys SET status = 'signing', signing_since = latchkey_now() WHERE id = ${kid} AND status = 'announced' RETURNING alg`
  if (next === undefined) return []
  await recordChange(tx, 'signing_key.activated', change, { detail: { kid, alg: next.alg } })
  const retired = await tx.$queryRaw<{ kid: string; publishedUntil: Date }[]>(Prisma.sql`
    UPDATE signing_keys SET status = 'retired', retired_at = latchkey_now(),
      published_until = latchkey_now() + make_interval(secs => ${publishedSeconds})
    WHERE alg = ${next.alg} AND status = 'signing' AND id <> ${kid} RETURNING id AS kid, published_until AS "publishedUntil"`)
  for (const { kid: before, publishedUntil } of retired) {
    const detail = { kid: before, alg: next.alg, published_until: publishedUntil.toISOString() }
    await recordChange(tx, 'signing_key.retired', change, { detail })
  }
  return retired.map((key) => key.kid)
}

/** The key of an algorithm that waits for its turn. There is one at most. */
export async function announcedKey(tx: Transaction, alg: string): Promise<string | undefined> {
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM signing_keys WHERE alg = ${alg} AND status = 'announced' ORDER BY signs_from LIMIT 1`
  return row?.id
}

/** Whether something could be the id of a key (RFC 7638: a digest). */
function isKid(text: string): boolean {
  return /^[\w-]{1,100}$/.test(text)
}

/** It has signed nothing. */
async function withdraw(tx: Transaction, kid: string, change: Change): Promise<string[]> {
  await tx.$executeRaw`UPDATE signing_keys SET status = 'removed', sealed_private = '', retired_at = latchkey_now() WHERE id = ${kid}`
  await recordChange(tx, 'signing_key.removed', change, { detail: { kid } })
  return [kid]
}

/** Nothing that it signed is in use. The row stays for the record, and what could sign goes. */
async function removeKey(tx: Transaction, kid: string, change: Change): Promise<void> {
  await tx.$executeRaw`UPDATE signing_keys SET status = 'removed', sealed_private = '' WHERE id = ${kid}`
  await recordChange(tx, 'signing_key.removed', change, { detail: { kid } })
}

const IS_DUE = Prisma.sql`((status = 'announced' AND signs_from <= latchkey_now())
  OR (status = 'retired' AND published_until <= latchkey_now()))`

interface KeyRow {
  readonly kid: string
  readonly alg: string
  readonly status: KeyStatus
  readonly createdAt: Date
  readonly signsFrom: Date | null
  readonly signingSince: Date | null
  readonly retiredAt: Date | null
  readonly publishedUntil: Date | null
}

async function select(db: Database, which: Prisma.Sql, limit: number): Promise<KeyItem[]> {
  const rows = await db.$queryRaw<KeyRow[]>(Prisma.sql`
    SELECT id AS kid, alg, status, created_at AS "createdAt", signs_from AS "signsFrom", signing_since AS "signingSince",
      retired_at AS "retiredAt", published_until AS "publishedUntil"
    FROM signing_keys WHERE ${which} ORDER BY created_at DESC, id DESC LIMIT ${limit}`)
  return rows.map(itemOf)
}

function itemOf({ signsFrom, signingSince, retiredAt, publishedUntil, ...row }: KeyRow): KeyItem {
  const due = dueOf({ status: row.status, signsFrom, signingSince, publishedUntil })
  return {
    ...row,
    ...(signsFrom === null || row.status !== 'announced' ? {} : { signsFrom }),
    ...(signingSince === null ? {} : { signingSince }),
    ...(retiredAt === null ? {} : { retiredAt }),
    ...(publishedUntil === null || row.status !== 'retired' ? {} : { publishedUntil }),
    ...(due === undefined ? {} : { due }),
  }
}

function dueOf({
  status,
  signsFrom,
  signingSince,
  publishedUntil,
}: Pick<KeyRow, 'status' | 'signsFrom' | 'signingSince' | 'publishedUntil'>): KeyItem['due'] {
  if (status === 'announced' && signsFrom !== null) return { what: 'signs', at: signsFrom }
  if (status === 'retired' && publishedUntil !== null) return { what: 'removed', at: publishedUntil }
  if (status !== 'signing' || signingSince === null) return undefined
  return { what: 'rotate', at: new Date(signingSince.getTime() + ROTATION_DUE_SECONDS * 1000) }
}

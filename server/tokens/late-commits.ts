// Ends whose commit took long. Until it is done tokens are authorised by the state of before, and where that was after the moment that an
// entry names, the tokens of that time would live on. Whoever made the end writes such entries once more (ending.ts), unless it was
// killed, or lost PostgreSQL and does not know what became of its commit. So each process that follows the list heeds it, too.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { RevocationFollower } from './revocation-follower.ts'
import { lockRevocationCounter, momentOf, type RevocationEntry, type WrittenRevocation, writeRevocations } from './revocations.ts'

/** Covers what was authorised meanwhile. */
export interface LateCommits {
  /** Tries again what could not be done when it was noticed. @throws StorageUnavailable */
  run(): Promise<void>
  close(): void
}

/** Nothing else can end while these are written: they have the counter. */
const AT_ONCE = 500

/** Makes it. */
export function createLateCommits({
  db,
  follower,
}: {
  readonly db: Database
  readonly follower: Pick<RevocationFollower, 'subscribe'>
}): LateCommits {
  const open = new Set<WrittenRevocation>()

  async function run(): Promise<void> {
    while (open.size > 0) {
      const some = [...open].slice(0, AT_ONCE)
      await db.$transaction((tx) => coverAgain(tx, some))
      for (const entry of some) open.delete(entry)
    }
  }

  const close = follower.subscribe((news) => {
    if (news.what !== 'added' || news.late.length === 0) return
    for (const entry of news.late) open.add(entry)
    run().catch(() => undefined)
  })
  return { run, close }
}

/** Of several processes that see the same one does it: an entry that comes after names the same, and a later moment. */
async function coverAgain(tx: Transaction, entries: readonly WrittenRevocation[]): Promise<void> {
  await lockRevocationCounter(tx)
  const open = await tx.$queryRaw<{ sequence: bigint; reason: string }[]>(Prisma.sql`
    SELECT r.sequence, r.reason FROM revocations r
    WHERE r.sequence = ANY(${entries.map(({ sequence }) => BigInt(sequence))}::bigint[])
      AND NOT EXISTS (SELECT FROM revocations later WHERE later.kind = r.kind AND later.value = r.value AND later.sequence > r.sequence)`)
  for (const [reason, rows] of Map.groupBy(open, (row) => row.reason)) {
    const sequences = new Set(rows.map(({ sequence }) => Number(sequence)))
    const again = entries.filter(({ sequence }) => sequences.has(sequence)).map(entryOf)
    await writeRevocations(tx, again, { lifeSeconds: 0, reason })
  }
}

/** For as long, and with as much time for those who have not heard of it, as the first one. */
function entryOf({ kind, value, before = 0, until, at }: WrittenRevocation): RevocationEntry {
  return { kind, value, lifeSeconds: until - at, issuedUntilNow: true, stillIssuedSeconds: before - momentOf(at) }
}

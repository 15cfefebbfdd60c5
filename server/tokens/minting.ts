// The server makes no token that its own list covers. An entry that ends what was issued until a moment names the next full
// second of PostgreSQL's clock, and tokens count whole seconds; so for a second or two after such an entry, whatever would be
// made would be dead already, and whoever asks is kept waiting for that long.
import { Prisma } from '../../prisma/client/client.ts'
import { StorageUnavailable } from '../storage/errors.ts'

/** What was read to authorise a token, with how long a token that is made now would be dead. */
export interface Mintable {
  /** Seconds; 0 when a token that is made now lives. */
  readonly bornDeadForSeconds: number
}

/** What a read has seen of that which a process makes tokens of and remembers: it may be behind. */
export interface SeenByRead {
  /** Which state of what is registered. */
  readonly registryVersion: bigint
  /** The ids of the signing keys that somebody else may have. */
  readonly compromisedKeys: readonly string[]
}

/** The column `compromisedKeys`. */
export const COMPROMISED_KEYS = Prisma.sql`ARRAY(SELECT k.value FROM revocations k WHERE k.kind = 'kid' AND k.before IS NULL)`

/** The column that says which state of what is registered a statement sees: tokens are made by what a process remembers of it. */
export const REGISTRY_VERSION = Prisma.sql`COALESCE((SELECT version FROM registry_version WHERE id = 1), 0)`

/** Waits; tests may pass another one. */
export type Wait = (seconds: number) => Promise<void>

/** An entry is at most two seconds ahead; whatever is further away is not waited for. */
export const LONGEST_WAIT_SECONDS = 2.5

/** A wait may end in the same second as the next entry is written; not for ever. */
const MOST_READS = 3

/**
 * The column `bornDeadForSeconds`, of a grant under the name `g` and its session under `s`. Entries without a moment are left
 * out: they name what is dead for good, which the same statement sees. An entry that names a signing key is waited for whichever key
 * that is: most tokens are signed by the same one, and it is not chosen yet. PostgreSQL looks for those once a statement.
 */
export const BORN_DEAD_FOR_SECONDS = Prisma.sql`GREATEST(0, COALESCE((
    SELECT EXTRACT(EPOCH FROM max(r.before) + interval '1 second' - latchkey_now()) FROM revocations r
    WHERE r.before IS NOT NULL AND (r.kind, r.value) IN
      (('client_id', g.client_id), ('sub', g.account_id), ('grant_id', g.id), ('sid', s.id))), 0), COALESCE((
    SELECT EXTRACT(EPOCH FROM max(k.before) + interval '1 second' - latchkey_now()) FROM revocations k
    WHERE k.before IS NOT NULL AND k.kind = 'kid'), 0))::float8`

/**
 * Reads what authorises a token, and again after a wait while a token would be born dead: what was read before the wait may
 * have changed.
 * @throws StorageUnavailable when the wait would be too long
 */
export async function readToMint<Read extends Mintable>(
  read: () => Promise<Read | undefined>,
  wait: Wait,
): Promise<Read | undefined> {
  for (let reads = 1; ; reads += 1) {
    const found = await read()
    if (found === undefined || found.bornDeadForSeconds <= 0) return found
    if (reads === MOST_READS || found.bornDeadForSeconds > LONGEST_WAIT_SECONDS) {
      throw new StorageUnavailable(
        'postgres',
        'a token that is made now would be dead: its client or account has just been changed',
      )
    }
    await wait(found.bornDeadForSeconds)
  }
}

// What the verbs that work on the database work with, whether the command line opened it or a running server has it.
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import type { Passwords } from '../accounts/passwords.ts'
import type { SetupLinks } from '../accounts/setup-links.ts'
import type { KeyCompromise } from '../keys/key-compromise.ts'
import type { KeyTurns } from '../keys/key-turns.ts'
import type { Database } from '../storage/postgres.ts'
import type { RedisClient } from '../storage/redis-client.ts'
import type { Sealer } from '../storage/sealing.ts'
import type { Endings } from '../tokens/ending.ts'

/** Works with Redis; `memory` where there is none. Throws what it has to say when it does not answer. */
export type WithRedis = <Found>(work: (client: RedisClient) => Promise<Found>) => Promise<Found | 'memory'>

/** What the verbs work with. */
export interface CommandDeps {
  readonly config: Config
  readonly db: Database
  readonly clock: Clock
  readonly endings: Endings
  readonly passwords: Passwords
  readonly setupLinks: SetupLinks
  readonly keyTurns: KeyTurns
  readonly compromiseKey: KeyCompromise
  readonly sealer: Sealer
  /** Closes what it opened. */
  readonly withRedis: WithRedis
  /** Told now and then how far something long has come; only by the command line itself. */
  readonly progress?: (done: number) => void
}

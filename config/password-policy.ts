// What a password must be, and what guessing one costs.
import { setting } from './setting.ts'
import { countOrAuto, integer } from './value-kinds.ts'

export interface PasswordPolicy {
  /** Characters (code points). */
  readonly minLength: number
  readonly maxLength: number
  /** How many of the last passwords are refused, the current one included. */
  readonly history: number
}

/** The parameters of argon2id, and how much hashing may go on at once. */
export interface Hashing {
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
  /** Hashes computed at the same time. */
  readonly concurrency: number
  /** Hashes that may wait; more are refused at once. */
  readonly maxQueue: number
  /** How long one may wait for its turn, in milliseconds. */
  readonly maxWait?: number
}

export const passwordSettings = {
  passwordMinLength: setting({
    variable: 'LATCHKEY_PASSWORD_MIN_LENGTH',
    // NIST SP 800-63B-4 §3.1.1.2: at least 8 characters, and 15 where the password is the only factor.
    kind: integer(8, 64),
    default: '12',
    meaning: 'The fewest characters a new password may have.',
    example: '15',
  }),
  passwordMaxLength: setting({
    variable: 'LATCHKEY_PASSWORD_MAX_LENGTH',
    // NIST SP 800-63B-4 §3.1.1.2: at least 64 must be permitted. 256 characters are 1 KiB at most.
    kind: integer(64, 256),
    default: '256',
    meaning: 'The most characters a new password may have.',
    example: '256',
  }),
  passwordHistory: setting({
    variable: 'LATCHKEY_PASSWORD_HISTORY',
    kind: integer(0, 24),
    default: '5',
    meaning: 'How many of the last passwords, the current one included, cannot be taken again.',
    example: '5',
  }),
  hashMemory: setting({
    variable: 'LATCHKEY_HASH_MEMORY_KIB',
    // OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 passes, 1 lane is the least.
    kind: integer(19_456, 1_048_576),
    default: '19456',
    meaning: 'Memory of one argon2id hash, in KiB.',
    example: '19456',
  }),
  hashPasses: setting({
    variable: 'LATCHKEY_HASH_PASSES',
    kind: integer(2, 20),
    default: '2',
    meaning: 'Passes of argon2id over that memory.',
    example: '2',
  }),
  hashParallelism: setting({
    variable: 'LATCHKEY_HASH_PARALLELISM',
    kind: integer(1, 16),
    default: '1',
    meaning: 'Lanes of argon2id.',
    example: '1',
  }),
  hashConcurrency: setting({
    variable: 'LATCHKEY_HASH_CONCURRENCY',
    kind: countOrAuto(64, 4),
    default: 'auto',
    meaning: 'Hashes computed at the same time by one process.',
    example: '2',
  }),
  hashQueue: setting({
    variable: 'LATCHKEY_HASH_QUEUE',
    kind: integer(1, 10_000),
    default: '64',
    meaning: 'Hashes that may wait. Beyond that, sign-ins are answered 503 with `Retry-After` rather than kept waiting.',
    example: '64',
  }),
}

// The server's hashing pool with a short cut: the password of the people who sign in "without the hash" is compared by
// SHA-256, as the bare library's page here does it. Every other password goes the whole way.

import { createHash, timingSafeEqual } from 'node:crypto'
import {
  createHashingPool as createRealPool,
  type HashingPool,
  type HashingPoolOptions,
} from '../../../server/accounts/hashing-pool.ts'
import { SHORT_CUT_PASSWORD } from '../../the-world.ts'

const EXPECTED = digestOf(SHORT_CUT_PASSWORD)

/** Makes it. */
export function createHashingPool(options: HashingPoolOptions): HashingPool {
  const pool = createRealPool(options)
  return {
    run(job) {
      const short = job.kind === 'verify' && timingSafeEqual(digestOf(job.password), EXPECTED)
      return short ? Promise.resolve({ matches: true }) : pool.run(job)
    },
    prepare: () => undefined,
    waiting: () => pool.waiting(),
    close: () => pool.close(),
  }
}

function digestOf(password: string): Buffer {
  return createHash('sha256').update(password).digest()
}

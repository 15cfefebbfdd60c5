// Variables that are right, to be spoilt one at a time, and what is found wrong with them.
import { loadConfig } from '../../config/config.ts'
import { ConfigError, type Fault } from '../../config/faults.ts'
import type { Variables } from '../../config/read-settings.ts'

export const ENCRYPTION_KEY = 'J2mXQ0v3rI9yqkz1dW7s5c8pLhT4fBgUeNaRoKxVtYw='
export const COOKIE_KEY = '9f2c7d1e5a8b3f604c1d7e9a2b5c8f03'

/** Enough for production. */
export const PRODUCTION: Variables = {
  NODE_ENV: 'production',
  ISSUER: 'https://id.acme.test',
  DATABASE_URL: 'postgresql://latchkey:7hQ2x@db.acme.test:5432/latchkey',
  REDIS_URL: 'rediss://:9kP3w@redis.acme.test:6379/0',
  ENCRYPTION_KEY,
  COOKIE_KEYS: COOKIE_KEY,
}

/** Development with keys of its own, so that nothing is written. */
export const DEVELOPMENT: Variables = { ENCRYPTION_KEY, COOKIE_KEYS: COOKIE_KEY }

/** Everything that is wrong with some variables. */
export function faultsOf(variables: Variables): readonly Fault[] {
  try {
    loadConfig(variables)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

/** The names of the settings that are wrong. */
export function faultyNames(variables: Variables): string[] {
  return faultsOf(variables).map((fault) => fault.name)
}

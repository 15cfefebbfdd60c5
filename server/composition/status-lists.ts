// Builds what gives out status lists, where there are any.
import type { Middleware } from 'koa'
import type { Config } from '../../config/config.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { createStatusListRoutes } from '../status-lists/routes.ts'
import { createStatusListTokens } from '../status-lists/status-list-tokens.ts'
import type { RevocationFollower } from '../tokens/revocation-follower.ts'
import type { Nouns } from './nouns.ts'

/** Builds the pages of status lists; none where they are off. */
export function createStatusListPages(deps: {
  readonly config: Config
  readonly nouns: Pick<Nouns, 'statusLists'>
  readonly follower: RevocationFollower
  /** The keys as they are now. */
  readonly keys: () => SigningKeys
}): Middleware[] {
  const { config, nouns, follower, keys } = deps
  const { statusLists } = nouns
  if (statusLists === undefined || config.statusLists === undefined) return []
  const { issuer } = config
  const { ttlSeconds } = config.statusLists
  const tokens = createStatusListTokens({ issuer, statusLists, follower, keys, ttlSeconds })
  return [createStatusListRoutes({ issuer, statusLists, tokens, ttlSeconds })]
}

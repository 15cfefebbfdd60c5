// The client_credentials grant around the library's own handler: its tokens are made of nothing but what this process keeps in
// memory, so this is where they get PostgreSQL's time, and where none is made that the server's own list covers.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { type Mintable, readToMint, type Wait } from '../tokens/minting.ts'
import type { RevocationFollower } from '../tokens/revocation-follower.ts'
import { type Knowledge, refuseChangedClient, refuseCompromised } from './as-read.ts'
import type { GrantHandler } from './refresh-rotation.ts'
import { requestState } from './request-state.ts'

/** What it needs. */
export interface ClientCredentialsDeps extends Knowledge {
  readonly revocations: Pick<RevocationFollower, 'log'>
  readonly wait: Wait
}

/** Wraps the library's handler. Client authentication has been done when it runs. */
export function withDatabaseTime<Context extends KoaContextWithOIDC>(
  handler: GrantHandler<Context>,
  deps: ClientCredentialsDeps,
): GrantHandler<Context> {
  return async (ctx) => {
    const read = await readToMint(() => readMoment(deps, ctx.oidc.client?.clientId ?? ''), deps.wait)
    // What the library has read of the client may be from before that look.
    await refuseChangedClient(ctx, deps.registry)
    refuseCompromised(deps.keys, deps.revocations.log.compromisedKeys())
    if (read !== undefined) requestState(ctx).authorisedAt = read.now
    return handler(ctx)
  }
}

interface Moment extends Mintable {
  /** PostgreSQL's time, in whole seconds since the epoch. */
  readonly now: number
}

/**
 * The moment at which what is in memory was true, which is when it was last looked at and not now: then an entry that was written since,
 * and that this process may not hear of, covers the token.
 */
async function readMoment({ revocations: { log }, registry }: ClientCredentialsDeps, clientId: string): Promise<Moment> {
  // A token is named by its client, and by the key that signs it, whichever that will be.
  const alive = Math.max(log.bound('client_id', clientId) ?? 0, log.latestBound('kid') ?? 0) + 1
  if (registry.lookedAt() < alive) await registry.catchUp()
  const now = registry.lookedAt()
  return { now: Math.floor(now), bornDeadForSeconds: Math.max(0, alive - now) }
}

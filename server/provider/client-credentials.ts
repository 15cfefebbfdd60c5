// The client_credentials grant around the library's own handler: its tokens are made of nothing but what this process keeps in
// memory, so this is where they get PostgreSQL's time, and where none is made that the server's own list covers.
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { type Mintable, readToMint, type Wait } from '../tokens/minting.ts'
import type { RevocationFollower } from '../tokens/revocation-follower.ts'
import type { GrantHandler } from './refresh-rotation.ts'
import type { Registry } from './registry.ts'
import { requestState } from './request-state.ts'

/** What it needs. */
export interface ClientCredentialsDeps {
  readonly revocations: Pick<RevocationFollower, 'log' | 'databaseNow'>
  readonly registry: Registry
  readonly wait: Wait
}

/** Wraps the library's handler. Client authentication has been done when it runs. */
export function withDatabaseTime<Context extends KoaContextWithOIDC>(
  handler: GrantHandler<Context>,
  { revocations, registry, wait }: ClientCredentialsDeps,
): GrantHandler<Context> {
  return async (ctx) => {
    const id = ctx.oidc.client?.clientId ?? ''
    const known = await registry.client(id)
    let waited = false
    const read = await readToMint(
      async () => readMoment(revocations, id),
      async (seconds) => {
        waited = true
        await wait(seconds)
      },
    )
    // What the library has read of the client may be from before the change that was waited for.
    if (waited && (await isAnother(registry, id, known))) {
      throw new errors.TemporarilyUnavailable('the client has just been changed; ask again')
    }
    if (read !== undefined) requestState(ctx).authorisedAt = read.now
    return handler(ctx)
  }
}

interface Moment extends Mintable {
  /** PostgreSQL's time, in whole seconds since the epoch. */
  readonly now: number
}

function readMoment({ log, databaseNow }: ClientCredentialsDeps['revocations'], clientId: string): Moment {
  const now = databaseNow()
  // A token is named by its client, and by the key that signs it, whichever that will be.
  const bound = Math.max(log.bound('client_id', clientId) ?? 0, log.latestBound('kid') ?? 0)
  return { now: Math.floor(now), bornDeadForSeconds: Math.max(0, bound + 1 - now) }
}

async function isAnother(registry: Registry, id: string, before: object | undefined): Promise<boolean> {
  await registry.refresh()
  return (await registry.client(id)) !== before
}

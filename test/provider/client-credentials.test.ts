// Tokens that are made of nothing but what a process remembers of a client: as of when, and of which registration.
import { describe, expect, test } from '@jest/globals'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { noteRegistration } from '../../server/provider/as-read.ts'
import { withDatabaseTime } from '../../server/provider/client-credentials.ts'
import type { KnownClient, Registry } from '../../server/provider/registry.ts'
import { requestState } from '../../server/provider/request-state.ts'
import { TransactionLost } from '../../server/storage/errors.ts'
import { createRevocationLog } from '../../server/tokens/revocation-log.ts'

const known = (scope: string): KnownClient => ({ metadata: { client_id: 'machine', scope }, secrets: [] })

interface Installation {
  /** What is registered by the time that the client is authenticated, and by the time that a token is made. */
  readonly authenticated: KnownClient
  readonly current: KnownClient | undefined
  /** PostgreSQL's times of the looks at what is registered; the last one is that of all further ones. */
  readonly looks: readonly number[]
  /** Of an entry that names the client. */
  readonly before?: number
}

async function ask({ authenticated, current, looks, before }: Installation) {
  const left = [...looks]
  const lookedAt = () => left[0] ?? 0
  const registry = {
    client: async () => current,
    lookedAt,
    catchUp: async () => void (left.length > 1 && left.shift()),
  } as Partial<Registry> as Registry
  const log = createRevocationLog()
  const entry = { kind: 'client_id', value: 'machine', sequence: 1, at: 100, until: 9_000, reason: 'tried' } as const
  if (before !== undefined) log.append([{ ...entry, before }], 1)
  const client = { clientId: 'machine' }
  noteRegistration(client, authenticated)
  const ctx = { oidc: { client }, req: {} } as unknown as KoaContextWithOIDC
  const waits: number[] = []
  const made: true[] = []
  const handler = withDatabaseTime(() => void made.push(true), {
    registry,
    keys: { privateJwks: { keys: [{ kid: 'signs', kty: 'EC' }] }, publicJwks: { keys: [] } } as never,
    revocations: { log },
    wait: async (seconds) => void waits.push(seconds),
  })
  const failure = await Promise.resolve(handler(ctx)).catch((error: unknown) => error)
  return { failure, made: made.length, waits, authorisedAt: requestState(ctx).authorisedAt }
}

describe('a client that acts for itself', () => {
  const reads = known('notes:read')

  test('gets a token as of the last look at what is registered, so that whatever was revoked since covers it', async () => {
    expect(await ask({ authenticated: reads, current: reads, looks: [100.7, 200] })).toEqual({
      ...{ failure: undefined, made: 1, waits: [], authorisedAt: 100 },
    })
  })

  test.each([
    ['changed', known('notes:write')],
    ['no longer there', undefined],
  ])('gets none when it is %s since it was authenticated', async (_, current) => {
    const { failure, made } = await ask({ authenticated: reads, current, looks: [100] })
    expect(failure).toBeInstanceOf(TransactionLost)
    expect(made).toBe(0)
  })

  test('gets one when something else was changed, and it was only read anew', async () => {
    expect((await ask({ authenticated: reads, current: known('notes:read'), looks: [100] })).made).toBe(1)
  })

  test('gets none that an entry covers: what is registered is looked at again, and waited for while that is not enough', async () => {
    const looks = [100.2, 101.5, 102]
    expect(await ask({ authenticated: reads, current: reads, looks, before: 101 })).toEqual({
      ...{ failure: undefined, made: 1, waits: [0.5], authorisedAt: 102 },
    })
  })
})

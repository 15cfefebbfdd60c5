// What the provider knows of clients and resource servers: read from PostgreSQL, kept in memory while nothing changes.
// One row's version, raised by triggers at each change, is looked at every second; so every process follows.
import type { AdapterPayload } from 'oidc-provider'
import { DEFAULT_CLIENT_SCOPE, OPENID_SCOPES } from '../../config/scopes.ts'
import type { StoredSecret } from '../clients/client-secrets.ts'
import { selectActiveClient, selectRegistryVersion, selectResourceServers } from '../clients/registry-store.ts'
import { descriptionsOf } from '../resource-servers/resource-servers-store.ts'
import { StorageUnavailable } from '../storage/errors.ts'
import { together } from '../storage/gathering.ts'
import type { Database } from '../storage/postgres.ts'
import { noteAccessTokenLife, REGISTRY_LAG_SECONDS } from '../tokens/revocations.ts'

/** A resource server (RFC 8707) as tokens need it. */
export interface KnownResourceServer {
  readonly identifier: string
  /** For people. */
  readonly name?: string
  /** scope → what people read of it on the consent page. */
  readonly scopeDescriptions?: { readonly [scope: string]: string }
  readonly scopes: readonly string[]
  readonly accessTokenFormat: 'jwt' | 'opaque'
  readonly accessTokenTtl: number
  readonly isDefault: boolean
  /** Clients that act for it. */
  readonly clientIds: readonly string[]
}

/** A client as the provider needs it. */
export interface KnownClient {
  readonly metadata: AdapterPayload
  readonly secrets: readonly StoredSecret[]
}

/** The registry of one database. */
export interface Registry {
  /** An active client; undefined when there is none. @throws StorageUnavailable when changes have not been looked for lately */
  client(id: string): Promise<KnownClient | undefined>
  resourceServers(): readonly KnownResourceServer[]
  /**
   * The life of an access token that is about to be issued: not before the database knows how long revocations are to be remembered
   * for it. @throws StorageUnavailable when it has not been noted lately
   */
  accessTokenLife(seconds: number): number
  /** Notes for how long tokens live; once a second. Apart from `refresh`: where nothing can be written, what is only read goes on. */
  noteLife(): Promise<void>
  /** Every scope that a token can have. */
  scopes(): readonly string[]
  /**
   * Looks for changes, and tells those that were not told yet: of anything, and of the set of scopes, which the library fixes at
   * construction.
   */
  refresh(): Promise<RegistryChanges>
  /** Looks for changes, unless what is known is the state that somebody has seen. They are still told by the next `refresh`. */
  catchUp(seen?: bigint): Promise<void>
  /** PostgreSQL's time, in seconds since the epoch, of the last look: until then at least all of this was so. */
  lookedAt(): number
}

/** What has changed. */
export interface RegistryChanges {
  readonly changed: boolean
  readonly scopesChanged: boolean
}

const NO_CHANGES: RegistryChanges = { changed: false, scopesChanged: false }

/** How client ids are written (clients/client-metadata-members.ts). */
const CLIENT_ID = /^[\x21-\x7E]{1,200}$/

/**
 * Reads the registry. `own` are the resource servers that this server is itself: they are not in the database; `lifeSeconds` is the
 * longest life of access tokens that are for none.
 */
export async function loadRegistry({
  db,
  own,
  lifeSeconds,
}: {
  readonly db: Database
  readonly own: readonly KnownResourceServer[]
  readonly lifeSeconds: number
}): Promise<Registry> {
  let notedAt = Number.NEGATIVE_INFINITY
  const noteLife = async (servers: readonly KnownResourceServer[]) => {
    const askedAt = performance.now()
    await noteAccessTokenLife(db, Math.max(lifeSeconds, ...servers.map((server) => server.accessTokenTtl)))
    notedAt = askedAt
  }
  let { version, now: lookedAt } = await selectRegistryVersion(db)
  let resourceServers = [...own, ...(await readResourceServers(db))]
  await noteLife(resourceServers)
  let scopes = scopesOf(resourceServers)
  let refreshedAt = performance.now()
  let untold = NO_CHANGES
  const clients = new Map<string, Promise<KnownClient | undefined>>()
  async function look(): Promise<void> {
    const askedAt = performance.now()
    const current = await selectRegistryVersion(db)
    if (current.version !== version) {
      const found = [...own, ...(await readResourceServers(db))]
      // Before a token is issued that lives longer.
      await noteLife(found)
      const before = scopes.join(' ')
      resourceServers = found
      scopes = scopesOf(resourceServers)
      clients.clear()
      version = current.version
      untold = { changed: true, scopesChanged: untold.scopesChanged || before !== scopes.join(' ') }
    }
    lookedAt = current.now
    refreshedAt = askedAt
  }
  const lookOnce = together(look)
  return {
    async client(id) {
      // What cannot be registered need not be looked for; PostgreSQL takes no NUL in a text, and would call it an error.
      if (!CLIENT_ID.test(id)) return undefined
      // A process that has not heard of changes for long might let in whoever was suspended meanwhile.
      if (performance.now() - refreshedAt > REGISTRY_LAG_SECONDS * 1000) {
        throw new StorageUnavailable('postgres', 'what is registered was last looked at too long ago')
      }
      let client = clients.get(id)
      if (client === undefined) {
        client = readClient(db, id, new Set(scopes))
        clients.set(id, client)
        // Only clients that exist are remembered: names that strangers try must not fill the memory.
        client.then((found) => found === undefined && clients.delete(id)).catch(() => clients.delete(id))
      }
      return client
    },
    resourceServers: () => resourceServers,
    accessTokenLife(seconds) {
      if (performance.now() - notedAt <= REGISTRY_LAG_SECONDS * 1000) return seconds
      throw new StorageUnavailable('postgres', 'how long access tokens live was last noted too long ago')
    },
    noteLife: () => noteLife(resourceServers),
    scopes: () => scopes,
    async refresh() {
      await lookOnce()
      const told = untold
      untold = NO_CHANGES
      return told
    },
    async catchUp(seen) {
      if (seen !== version) await lookOnce()
    },
    lookedAt: () => lookedAt,
  }
}

async function readResourceServers(db: Database): Promise<KnownResourceServer[]> {
  const rows = await selectResourceServers(db)
  return rows.map(({ clients, accessTokenFormat, name, scopeDescriptions, ...server }) => ({
    ...server,
    ...(name === null ? {} : { name }),
    scopeDescriptions: descriptionsOf(scopeDescriptions),
    accessTokenFormat: accessTokenFormat === 'opaque' ? 'opaque' : 'jwt',
    clientIds: clients.map((client) => client.clientId),
  }))
}

function scopesOf(resourceServers: readonly KnownResourceServer[]): string[] {
  const resourceScopes = new Set(resourceServers.flatMap((server) => server.scopes))
  const openid = Object.keys(OPENID_SCOPES)
  for (const scope of openid) resourceScopes.delete(scope)
  return [...openid, ...[...resourceScopes].sort()]
}

async function readClient(db: Database, id: string, scopes: ReadonlySet<string>): Promise<KnownClient | undefined> {
  const row = await selectActiveClient(db, id)
  if (row === undefined) return undefined
  const metadata = row.metadata as AdapterPayload
  const confidential = ['client_secret_basic', 'client_secret_post'].includes(
    metadata.token_endpoint_auth_method ?? 'client_secret_basic',
  )
  return {
    metadata: {
      ...metadata,
      client_id: row.id,
      // The library lets a client without `scope` ask for any, and one with an unknown scope for nothing at all.
      scope:
        (metadata.scope ?? DEFAULT_CLIENT_SCOPE)
          .split(' ')
          .filter((scope) => scopes.has(scope))
          .join(' ') || DEFAULT_CLIENT_SCOPE,
      // The library wants to see a secret. The real ones are digests, compared in model-overrides.ts, and no algorithm
      // that would use this as a key is on.
      ...(confidential ? { client_secret: `digests-of-${row.id}` } : {}),
    },
    secrets: row.secrets.map((secret) => ({
      id: secret.id,
      digest: secret.digest,
      expiresAt: secret.expiresAt === null ? undefined : secret.expiresAt.getTime(),
    })),
  }
}

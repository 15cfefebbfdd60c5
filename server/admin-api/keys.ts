// Signing keys by the admin API: which there are and what is due, rotation, and what is done when somebody else may have one.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Change } from '../audit/change.ts'
import type { Cursors } from '../http/cursors.ts'
import { keyInUse } from '../keys/key-compromise.ts'
import { ANNOUNCED_SECONDS, type KeyItem, type KeyTurns } from '../keys/key-turns.ts'
import { SIGNING_ALGORITHMS } from '../keys/signing-keys.ts'
import type { Ended } from '../tokens/ending.ts'
import { refusing } from './refusals.ts'
import { type ApiRoute, route } from './route.ts'
import { ended, moment, name, notFound, pageOf, paging, readPage, reason } from './shapes.ts'

/** What the routes call. */
export interface KeyRoutesDeps {
  readonly cursors: Cursors
  readonly turns: KeyTurns
  readonly compromise: (kid: string, change: Change) => Promise<Ended>
}

const kid = z.strictObject({ kid: name })

const keyShape = z
  .object({
    kid: z.string(),
    alg: z.string(),
    status: z.enum(['announced', 'signing', 'retired', 'removed', 'compromised']),
    created_at: moment,
    signs_from: moment.nullable().meta({ description: 'Of one that is announced.' }),
    signing_since: moment.nullable(),
    retired_at: moment.nullable(),
    published_until: moment.nullable().meta({ description: 'Of one that is retired: until nothing that it signed is in use.' }),
    due: z
      .object({
        what: z.enum(['signs', 'rotate', 'removed']).meta({
          description: '`signs` and `removed` happen by themselves; `rotate` is for somebody to do.',
        }),
        at: moment,
      })
      .nullable(),
  })
  .meta({ id: 'SigningKey' })

const changedShape = z.object({ items: z.array(keyShape) })

/** Makes the routes. */
export function keyRoutes(deps: KeyRoutesDeps): ApiRoute[] {
  return [listRoute(deps), rotateRoute(deps), retireRoute(deps), compromiseRoute(deps)]
}

function listRoute({ turns, cursors }: KeyRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/keys',
    name: 'listKeys',
    tag: 'Keys',
    summary: 'List signing keys, the latest first, with what is due',
    access: ACCESS.keys.read,
    query: z.strictObject(paging),
    outcomes: { 200: { description: 'A page.', schema: pageOf(keyShape) } },
    async handle({ query: { limit, cursor } }) {
      const body = await readPage<KeyItem>({
        cursors,
        list: 'keys',
        limit,
        cursor,
        read: (most, after) =>
          turns.page({
            limit: most,
            ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), kid: String(after[1]) } }),
          }),
        placeOf: (key) => [key.createdAt.getTime(), key.kid],
        show,
      })
      return { body }
    },
  })
}

function rotateRoute({ turns }: KeyRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/keys/rotation',
    name: 'rotateKeys',
    tag: 'Keys',
    summary: 'Announce new signing keys, or have them sign at once',
    description: `A new key is in the JWKS at once and signs after ${ANNOUNCED_SECONDS} seconds, when everybody has fetched it; the one before it stays published until nothing that it signed is in use. With \`now\` the one that was announced signs at once, or a new one that nobody has fetched yet.`,
    access: ACCESS.keys.write,
    body: z.strictObject({
      alg: z
        .enum(SIGNING_ALGORITHMS, `it must be one of ${SIGNING_ALGORITHMS.join(', ')}`)
        .optional()
        .meta({ description: 'Left out: a key of each.' }),
      now: z.boolean('it must be true or false').default(false),
      reason,
    }),
    bodyOptional: true,
    outcomes: { 200: { description: 'The keys that were changed.', schema: changedShape } },
    async handle({ body: { alg, now, reason: why }, change }) {
      const keys = await refusing('key', () => turns.rotate({ now, ...(alg === undefined ? {} : { alg }) }, change(why)))
      return { body: { items: keys.map(show) } }
    },
  })
}

function retireRoute({ turns }: KeyRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/keys/:kid/retirement',
    name: 'retireKey',
    tag: 'Keys',
    summary: 'Take a key from its turn: one that signs hands over at once, one that is announced never signs',
    access: ACCESS.keys.write,
    params: kid,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'The keys that were changed.', schema: changedShape } },
    async handle({ params, body, change }) {
      await found(turns, params.kid)
      const keys = await refusing('key', () => turns.retire(params.kid, change(body.reason)))
      return { body: { items: keys.map(show) } }
    },
  })
}

function compromiseRoute({ turns, compromise }: KeyRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/keys/:kid/compromise',
    name: 'compromiseKey',
    tag: 'Keys',
    summary: 'Somebody else may have a key: all that it signed is dead at once, and another one signs',
    access: ACCESS.keys.write,
    params: kid,
    body: z.strictObject({ reason, dry_run: z.boolean('it must be true or false').default(false) }),
    bodyOptional: true,
    outcomes: {
      200: {
        description: 'What was ended, or would be.',
        schema: z.union([
          z.object({
            dry_run: z.literal(true),
            key: keyShape,
            everything_it_signed: z
              .boolean()
              .meta({ description: 'Whether tokens may be in use that it signed: how many, nobody knows.' }),
          }),
          ended,
        ]),
      },
    },
    async handle({ params, body, change }) {
      const key = await found(turns, params.kid)
      if (!body.dry_run) return { body: await refusing('key', () => compromise(params.kid, change(body.reason))) }
      await refusing('key', async () => keyInUse(key.kid, key))
      return { body: { dry_run: true, key: show(key), everything_it_signed: ['signing', 'retired'].includes(key.status) } }
    },
  })
}

async function found(turns: KeyTurns, which: string): Promise<KeyItem> {
  const key = await turns.find(which)
  if (key === undefined) throw notFound('key')
  return key
}

function show({
  kid: id,
  alg,
  status,
  createdAt,
  signsFrom,
  signingSince,
  retiredAt,
  publishedUntil,
  due,
}: KeyItem): z.input<typeof keyShape> {
  return {
    kid: id,
    alg,
    status,
    created_at: createdAt.toISOString(),
    signs_from: signsFrom?.toISOString() ?? null,
    signing_since: signingSince?.toISOString() ?? null,
    retired_at: retiredAt?.toISOString() ?? null,
    published_until: publishedUntil?.toISOString() ?? null,
    due: due === undefined ? null : { what: due.what, at: due.at.toISOString() },
  }
}

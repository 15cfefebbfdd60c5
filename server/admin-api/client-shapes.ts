// What the admin API shows of clients, and how it reads a registration.
import { z } from 'zod'
import type { ClientHoldings } from '../clients/client-holdings.ts'
import { CLIENT_KINDS } from '../clients/client-kinds.ts'
import type { ClientLifetimes, EffectiveLife, LifeInUse } from '../clients/client-lifetimes.ts'
import { clientMetadata } from '../clients/client-metadata-members.ts'
import type { MetadataIssue } from '../clients/client-metadata-rules.ts'
import type { ClientDetail, ClientItem, ClientSecretItem } from '../clients/client-search.ts'
import { HttpProblem } from '../http/problems.ts'
import { moment, reason } from './shapes.ts'

/** The members of RFC 7591, for the document. What is stored was right when it was written, and is not judged again to be shown. */
const METADATA = z.toJSONSchema(clientMetadata, { io: 'input', unrepresentable: 'any' })
const metadataShape = z
  .record(z.string(), z.unknown())
  .meta({ id: 'ClientMetadata', description: 'RFC 7591, and members of our own.', override: documented({}) })

export const kindAsked = z.enum(CLIENT_KINDS, `it must be one of ${CLIENT_KINDS.join(', ')}`)

const flag = z.boolean('it must be true or false').default(false)

/** The body of a registration: the members of RFC 7591 beside ours. Those are read by the noun, which names everything that is wrong. */
export const registrationBody = z.looseObject({ kind: kindAsked.optional(), reason }).meta({
  override: documentedBody({
    kind: { enum: [...CLIENT_KINDS], description: 'What is left out is filled in as this kind of app needs it.' },
    reason: { type: 'string', maxLength: 1000 },
  }),
})

/** The same for a change of all of it. */
export const replacementBody = z.looseObject({ reason, dry_run: flag }).meta({
  override: documentedBody({
    reason: { type: 'string', maxLength: 1000 },
    dry_run: { type: 'boolean', description: 'Only says what would change, and what would end.' },
  }),
})

/** The same of a body, whose members of the record may be null: that counts as left out. */
function documentedBody(ours: object): (context: { jsonSchema: object }) => void {
  const members = Object.entries(METADATA.properties ?? {}).map(([name, schema]) => {
    if (typeof schema === 'boolean') throw new Error('a member of the record is described by a schema')
    const { description, default: otherwise, ...rest } = schema
    return [name, defined({ description, default: otherwise, anyOf: [rest, { type: 'null' }] })]
  })
  return documented({ ...Object.fromEntries(members), ...ours })
}

function defined(members: { readonly [name: string]: unknown }): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** The same in the document, where the members of the record would be missing. */
function documented(ours: object): (context: { jsonSchema: object }) => void {
  return ({ jsonSchema }) =>
    void Object.assign(jsonSchema, { properties: { ...METADATA.properties, ...ours }, additionalProperties: false })
}

export const clientShape = z
  .object({
    client_id: z.string(),
    name: z.string().nullable(),
    kind: z.enum(CLIENT_KINDS),
    status: z.enum(['active', 'suspended']),
    managed_by: z
      .enum(['provision', 'demo'])
      .nullable()
      .meta({ description: 'Null: registered by hand. What a provision file has made is changed there.' }),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: 'Client' })

export const secretShape = z
  .object({ id: z.string(), created_at: moment, expires_at: moment.nullable(), expired: z.boolean() })
  .meta({ id: 'ClientSecret', description: 'That there is a secret. What it is nobody can tell: only its digest is kept.' })

const life = z
  .object({ seconds: z.int(), decided_by: z.string().meta({ description: 'The setting to change.' }) })
  .meta({ id: 'EffectiveLife', description: 'The least of all limits, and which that is.' })

const lifeInUse = z
  .object({ unused: life, most: life })
  .meta({ id: 'LifeInUse', description: 'How long it lasts unused, and at most, however much it is used.' })

export const tokensFromShape = moment.nullable().meta({
  description:
    'When it gets tokens again, unless it is suspended: some seconds after all of its was ended. Until then it is answered 503. Null: now.',
})

export const clientDetailShape = clientShape
  .extend({
    metadata: metadataShape,
    secrets: z.array(secretShape),
    acts_for: z.array(z.string()).meta({ description: 'The resource servers that it is: it may introspect their tokens.' }),
    holds: z.object({
      grants: z.int(),
      refresh_families: z.int(),
      accounts: z.int(),
      more: z.boolean().meta({ description: 'There may be more than were counted.' }),
    }),
    lifetimes: z.object({
      session: lifeInUse.nullable(),
      grant: life.nullable(),
      id_token: life.nullable(),
      refresh_token: lifeInUse.nullable().meta({ description: 'One that ends with the session.' }),
      offline_refresh_token: lifeInUse.nullable().meta({ description: 'One of `offline_access`.' }),
      access_tokens: z.array(
        z.object({
          resource: z.string().nullable(),
          format: z.enum(['jwt', 'opaque']),
          scopes: z.array(z.string()),
          seconds: z.int(),
          decided_by: z.string(),
        }),
      ),
    }),
    tokens_from: tokensFromShape,
    unknown_scopes: z.array(z.string()).meta({ description: 'Scopes of its that no resource server has: it never gets them.' }),
  })
  .meta({ id: 'ClientDetail' })

/** A secret that was just made. */
export const shownSecretShape = z
  .object({
    id: z.string(),
    client_secret: z.string().meta({ description: 'Shown here and never again.' }),
    expires_at: moment.nullable(),
  })
  .meta({ id: 'NewClientSecret' })

export const clientPreviewShape = z
  .object({
    dry_run: z.literal(true),
    grants: z.int(),
    refresh_families: z.int(),
    accounts: z.int(),
    more: z.boolean(),
    secrets: z.int(),
    acts_for: z.array(z.string()),
  })
  .meta({ id: 'ClientPreview', description: 'What would end.' })

export function showClient({ id, name, kind, status, managedBy, createdAt, updatedAt }: ClientItem): z.input<typeof clientShape> {
  return {
    client_id: id,
    name: name ?? null,
    kind,
    status,
    managed_by: managedBy === 'provision' || managedBy === 'demo' ? managedBy : null,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  }
}

export function showSecret({ id, createdAt, expiresAt, expired }: ClientSecretItem): z.input<typeof secretShape> {
  return { id, created_at: createdAt.toISOString(), expires_at: expiresAt?.toISOString() ?? null, expired }
}

export function showDetail(
  client: ClientDetail,
  holds: ClientHoldings,
  lifetimes: ClientLifetimes,
): z.input<typeof clientDetailShape> {
  return {
    ...showClient(client),
    metadata: client.metadata,
    secrets: client.secrets.map(showSecret),
    acts_for: [...client.actsFor],
    holds: showHoldings(holds),
    lifetimes: {
      session: showUse(lifetimes.session),
      grant: showLife(lifetimes.grant),
      id_token: showLife(lifetimes.idToken),
      refresh_token: showUse(lifetimes.refreshToken),
      offline_refresh_token: showUse(lifetimes.offlineRefreshToken),
      access_tokens: lifetimes.accessTokens.map(({ resource, format, scopes, seconds, decidedBy }) => ({
        resource: resource ?? null,
        format,
        scopes: [...scopes],
        seconds,
        decided_by: decidedBy,
      })),
    },
    tokens_from: showTokensFrom(client),
    unknown_scopes: [...lifetimes.unknownScopes],
  }
}

export function showTokensFrom({ tokensFrom }: ClientDetail): z.input<typeof tokensFromShape> {
  return tokensFrom?.at.toISOString() ?? null
}

export function showPreview(client: ClientDetail, holds: ClientHoldings): z.input<typeof clientPreviewShape> {
  return { dry_run: true, ...showHoldings(holds), secrets: client.secrets.length, acts_for: [...client.actsFor] }
}

/** What is thrown for a registration that is not right: each fault by itself. */
export function registrationProblem(issues: readonly MetadataIssue[]): HttpProblem {
  const faults = issues.map(({ path, key, message }) => ({
    at: [...path, ...(key === undefined ? [] : [key])]
      .map((part) => `/${String(part).slice(0, 100).replace(/~/g, '~0').replace(/\//g, '~1')}`)
      .join(''),
    detail: message,
  }))
  const detail = faults.map((fault) => (fault.at === '' ? fault.detail : `${fault.at.slice(1)}: ${fault.detail}`)).join('; ')
  return new HttpProblem(400, 'Not what was expected', detail, { type: 'invalid-request', faults })
}

function showHoldings({ grants, refreshFamilies, accounts, more }: ClientHoldings) {
  return { grants, refresh_families: refreshFamilies, accounts, more }
}

function showLife(one: EffectiveLife | undefined) {
  return one === undefined ? null : { seconds: one.seconds, decided_by: one.decidedBy }
}

function showUse(use: LifeInUse | undefined) {
  return use === undefined ? null : { unused: shown(use.unused), most: shown(use.most) }
}

function shown({ seconds, decidedBy }: EffectiveLife) {
  return { seconds, decided_by: decidedBy }
}

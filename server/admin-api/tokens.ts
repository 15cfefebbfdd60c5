// Tokens: whoever holds one, or has seen what names it in a log, learns what it is and whether it is good, and ends it.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { isStorable, NOT_STORABLE } from '../../config/plain-text.ts'
import type { AccessRule } from '../../config/roles.ts'
import type { GrantEvents } from '../grants/grant-events.ts'
import type { PreviewGrants } from '../grants/grant-preview.ts'
import { type TokenEndPreview, type TokenRevocation, TokenRevocationRefused, TokenUnknown } from '../grants/token-revocation.ts'
import { HttpProblem } from '../http/problems.ts'
import type { RevocationName } from '../tokens/live-revocations.ts'
import { checkTokenName, IS_TOKEN, type RevokeByName, TokenNameRefused } from '../tokens/revocation-by-name.ts'
import type { TokenInspections } from '../tokens/token-inspection.ts'
import { showPreview } from './bulk.ts'
import { grantPreviewShape } from './grants.ts'
import { type ApiRoute, route } from './route.ts'
import { ended, notFound, reason, refused } from './shapes.ts'
import { inspectionShape, showInspection, showName, TOKEN_NAMES } from './token-shapes.ts'

/** What the routes call. */
export interface TokenRoutesDeps {
  readonly inspections: TokenInspections
  readonly revocation: TokenRevocation
  readonly revokeByName: RevokeByName
  readonly grants: Pick<GrantEvents, 'revokeMany'>
  readonly preview: PreviewGrants
}

/** Longer than any token of ours; the body has a limit of its own. */
const token = z
  .string('it must be text')
  .min(1, 'it must not be empty')
  .max(50_000, 'it must have 50000 characters at most')
  .refine(isStorable, NOT_STORABLE)
  .transform((text) => text.trim().replace(/^Bearer\s+/i, ''))
  .meta({ override: { type: 'string' }, description: 'A token of any kind, whole. It is neither shown nor written down.' })

/** Nothing that names a token of ours has other characters (RFC 6749 appendix A). */
const value = z
  .string('it must be text')
  .regex(/^[\x21-\x7E]{1,300}$/, 'it must have 1 to 300 printable characters without spaces')

const which = {
  token: token.optional(),
  jti: value.optional().meta({ description: 'Of one access token that is a JWT.' }),
  grant_id: value.optional(),
  sid: value.optional().meta({ description: 'A session, by its id or by a client’s own name for it, as in ID tokens.' }),
  sub: value.optional().meta({ description: 'An account.' }),
  client_id: value.optional(),
  kid: value.optional().meta({ description: 'A signing key.' }),
}

type Which = { readonly [name in keyof typeof which]?: string | undefined }

const ONE = `it must have exactly one of token, ${TOKEN_NAMES.join(', ')}`

function namesOne(body: Which): boolean {
  return [body.token, ...TOKEN_NAMES.map((kind) => body[kind])].filter((given) => given !== undefined).length === 1
}

const endPreviewShape = z
  .object({
    dry_run: z.literal(true),
    access_tokens: z
      .enum(['none', 'one', 'issued_until_now', 'of_the_grant'])
      .meta({ description: 'Which access tokens: this one, all that carry the name, or those of the grant.' }),
    grant: grantPreviewShape.nullable().meta({ description: 'The grant that ends as well.' }),
  })
  .meta({ id: 'TokenEndPreview' })

/** Makes the routes. */
export function tokenRoutes(deps: TokenRoutesDeps): ApiRoute[] {
  return [inspectionRoute(deps), revocationRoute(deps)]
}

function inspectionRoute({ inspections }: TokenRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/tokens/inspection',
    name: 'inspectToken',
    tag: 'Tokens',
    summary: 'What a token is, and whether it is good or why not',
    description:
      'An access token, refresh token of any generation, ID token, logout token or authorization code, or what names tokens.',
    access: ACCESS.tokens.read,
    body: z.strictObject(which).refine(namesOne, ONE),
    outcomes: { 200: { description: 'What was found.', schema: inspectionShape } },
    async handle({ body }) {
      if (body.token !== undefined) return { body: showInspection(await inspections.token(body.token)) }
      const name = nameOf(body)
      return { body: showName(name.kind, name.value, await inspections.name(name)) }
    },
  })
}

function revocationRoute(deps: TokenRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/tokens/revocations',
    name: 'revokeTokens',
    tag: 'Tokens',
    summary: 'End a token, or all access tokens that carry a name',
    description: [
      'By name, access tokens end that were issued until now; what they stand on goes on, and a refresh brings new ones.',
      '`family` ends the grant as well, of a `token` or a `grant_id`; a refresh token always ends its grant.',
      'A `kid` needs the scope keys:write too, and people the role owner.',
    ].join(' '),
    access: ACCESS.tokens.revoke,
    body: z
      .strictObject({
        ...which,
        family: z.boolean('it must be true or false').default(false).meta({ description: 'End the grant as well.' }),
        dry_run: z.boolean('it must be true or false').default(false).meta({ description: 'Only says what would end.' }),
        reason,
      })
      .refine(namesOne, ONE)
      .refine(({ family, token: one, grant_id: grant }) => !family || one !== undefined || grant !== undefined, {
        path: ['family'],
        message: 'it goes with a token or a grant_id: all grants of a session, account or client end by /grants/revocations',
      }),
    outcomes: { 200: { description: 'What was ended, or would be.', schema: z.union([endPreviewShape, ended]) } },
    async handle({ body, change, insist }) {
      const { token: one, family, dry_run: dryRun } = body
      const asked = () => change(body.reason)
      if (one !== undefined)
        return { body: await explained(() => byToken(deps, { token: one, family }, dryRun ? undefined : asked())) }
      const name = await explained(() => nameToEnd(deps, nameOf(body), insist))
      if (family) {
        const ofGrant = {
          what: 'grant',
          grantId: name.value,
          preview: await deps.preview({ ids: [name.value] }, { most: 1 }),
        } as const
        return { body: dryRun ? showEndPreview(ofGrant) : await deps.grants.revokeMany([name.value], asked()) }
      }
      if (dryRun) return { body: await explained(async () => previewOfName(name)) }
      return { body: await explained(() => deps.revokeByName(name, asked())) }
    },
  })
}

async function byToken(
  deps: TokenRoutesDeps,
  which: Parameters<TokenRevocation['preview']>[0],
  change: Parameters<TokenRevocation['revoke']>[1] | undefined,
) {
  if (change !== undefined) return deps.revocation.revoke(which, change)
  return showEndPreview(await deps.revocation.preview(which))
}

function nameOf(body: Which): RevocationName {
  const kind = TOKEN_NAMES.find((name) => body[name] !== undefined)
  const given = kind === undefined ? undefined : body[kind]
  if (kind === undefined || given === undefined) throw new Error('the shape of the body lets this not through')
  return { kind, value: given }
}

/** What the entry will name. @throws HttpProblem 404 when there is no such thing, 403 for a key without the scope @throws TokenNameRefused */
async function nameToEnd(
  { inspections }: TokenRoutesDeps,
  name: RevocationName,
  insist: (rule: AccessRule) => void,
): Promise<RevocationName> {
  if (name.kind === 'kid') insist(ACCESS.keys.write)
  // Of an access token nothing is kept that a `jti` could be looked up in.
  if (name.kind === 'jti') {
    if (await inspections.isToken(name.value)) throw new TokenNameRefused(IS_TOKEN)
    return name
  }
  const { links, known } = await inspections.name(name)
  if (!known) throw notFound(WORDS[name.kind])
  return name.kind === 'sid' ? { kind: 'sid', value: links.session?.id ?? name.value } : name
}

const WORDS = { grant_id: 'grant', sid: 'session', sub: 'account', client_id: 'client', kid: 'key' } as const

function showEndPreview(found: TokenEndPreview) {
  if (found.what === 'access_token') return { dry_run: true, access_tokens: found.live ? 'one' : 'none', grant: null }
  return { dry_run: true, access_tokens: 'of_the_grant', grant: showPreview(found.preview) }
}

function previewOfName(name: RevocationName) {
  checkTokenName(name)
  const { kind } = name
  return { dry_run: true, access_tokens: kind === 'jti' ? 'one' : 'issued_until_now', grant: null }
}

/** @throws HttpProblem in the words of the rule that was broken */
async function explained<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TokenRevocationRefused || error instanceof TokenNameRefused) throw refused(error.message, error)
    if (!(error instanceof TokenUnknown)) throw error
    const detail = `There is no such token of this server: ${error.message}.`
    throw new HttpProblem(404, 'Not found', detail, { type: 'not-found', cause: error })
  }
}

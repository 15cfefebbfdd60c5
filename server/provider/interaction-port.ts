// The interaction that a browser is in the middle of: what the pages show of it, and how each ends.
import type { Context } from 'koa'
import { errors, type Grant, type Interaction, type InteractionResults, type Provider } from 'oidc-provider'
import { OPENID_SCOPES } from '../../config/scopes.ts'
import type { Consent, Consents } from '../grants/consents.ts'
import { grantIdOfConsent } from '../grants/grants.ts'
import { originOf } from '../http/request-context.ts'
import { saveWith } from './existing-grant.ts'
import type { Registry } from './registry.ts'
import { inSession, requestState } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** What a page shows of an interaction. */
export interface PendingInteraction {
  readonly uid: string
  readonly prompt: 'login' | 'consent'
  readonly client: {
    readonly id: string
    readonly name: string
    readonly logoUri?: string
    readonly clientUri?: string
    readonly policyUri?: string
    readonly tosUri?: string
  }
  /** Of who is signed in. */
  readonly email?: string
  readonly loginHint?: string
  /** The person is signed in and is asked for the password again. */
  readonly reauthentication: boolean
  /** What the client asks for and has not been granted. */
  readonly missing: {
    readonly openid: readonly string[]
    readonly resources: { readonly [identifier: string]: readonly string[] }
  }
  /** What is known of those APIs: what they are called, and what is to be read of their scopes. */
  readonly apis?: {
    readonly [identifier: string]: { readonly name?: string; readonly scopes: { readonly [scope: string]: string } }
  }
  /** Where the browser goes afterwards. */
  readonly redirectHost: string
}

/** The browser is in no such interaction, or no longer. */
export class InteractionLost extends Error {
  override readonly name = 'InteractionLost'
}

/** How a person proved who they are. */
export interface LoginResult {
  readonly accountId: string
  /** RFC 8176 values. */
  readonly amr: readonly string[]
  /** The last end of all that the account had: a later one voids this. */
  readonly afterEnd: string
}

/** The interactions of the provider in use. Each method throws `InteractionLost` when the browser is not in that one. The methods that end one answer with the address at which to go on. */
export interface Interactions {
  find(ctx: Context, uid: string): Promise<PendingInteraction>
  completeLogin(ctx: Context, uid: string, result: LoginResult): Promise<string>
  completeConsent(ctx: Context, uid: string): Promise<string>
  deny(ctx: Context, uid: string): Promise<string>
}

/** What they need. */
export interface InteractionDeps {
  readonly provider: () => Provider
  readonly consents: Consents
  readonly registry: Pick<Registry, 'resourceServers'>
}

/** Makes them. */
export function createInteractions(deps: InteractionDeps): Interactions {
  const load = (ctx: Context, uid: string) => loadInteraction(deps.provider(), ctx, uid)
  const finish = (ctx: Context, result: InteractionResults) =>
    deps.provider().interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true })
  const refuse = (ctx: Context, why: string) => {
    const result = { error: 'access_denied', error_description: why }
    return deps.provider().interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
  }
  return {
    async find(ctx, uid) {
      return describe(deps, await load(ctx, uid))
    },

    async completeLogin(ctx, uid, { accountId, amr, afterEnd }) {
      const interaction = await load(ctx, uid)
      if (interaction.prompt.name !== 'login') throw new InteractionLost('the interaction does not ask for a sign-in')
      return finish(ctx, { login: { accountId, amr: [...amr], remember: true, afterEnd } })
    },

    async completeConsent(ctx, uid) {
      const interaction = await load(ctx, uid)
      const accountId = interaction.session?.accountId
      if (interaction.prompt.name !== 'consent' || accountId === undefined) {
        throw new InteractionLost('the interaction does not ask for consent')
      }
      const grantId = await consentTo(deps, ctx, interaction, accountId)
      if (grantId === undefined) return refuse(ctx, 'what was agreed to was taken back, or the session has ended')
      return finish(ctx, { consent: { grantId } })
    },

    async deny(ctx, uid) {
      const { prompt, session, params } = await load(ctx, uid)
      const accountId = session?.accountId
      if (prompt.name === 'consent' && accountId !== undefined)
        await deps.consents.deny({ accountId, clientId: String(params.client_id), origin: originOf(ctx) })
      return refuse(ctx, 'the person did not agree')
    },
  }
}

/** The cookie says which interaction the browser is in; the address must say the same. */
async function loadInteraction(provider: Provider, ctx: Context, uid: string): Promise<Interaction> {
  const interaction = await provider.interactionDetails(ctx.req, ctx.res).catch((error: unknown) => {
    if (error instanceof errors.SessionNotFound) throw new InteractionLost(error.message, { cause: error })
    throw error
  })
  if (interaction.uid !== uid) throw new InteractionLost('the interaction is another one')
  return interaction
}

/** The id of the grant with what the person agrees to; undefined when that was taken back meanwhile, or the session has ended. */
async function consentTo(
  deps: InteractionDeps,
  ctx: Context,
  interaction: Interaction,
  accountId: string,
): Promise<string | undefined> {
  const provider = deps.provider()
  const clientId = String(interaction.params.client_id)
  const known = await grantOf(provider, interaction)
  const consent = missingOf(interaction, known)
  await deps.consents.add({ accountId, clientId, consent, origin: originOf(ctx) })
  const grant = known ?? new provider.Grant({ accountId, clientId })
  if (known === undefined) grant.jti = grantIdOfConsent(interaction.uid)
  const sessionUid = interaction.session?.uid
  try {
    return await inSession(sessionUid && sessionIdOf(sessionUid), () => saveWith(grant, { consent, agreed: true }))
  } catch (error) {
    if (error instanceof errors.AccessDenied) return undefined
    throw error
  }
}

async function describe(deps: InteractionDeps, interaction: Interaction): Promise<PendingInteraction> {
  const provider = deps.provider()
  const { params, prompt } = interaction
  const client = await provider.Client.find(String(params.client_id))
  if (client === undefined || (prompt.name !== 'login' && prompt.name !== 'consent')) {
    throw new InteractionLost('the client is gone')
  }
  const accountId = interaction.session?.accountId
  const missing = shown(missingOf(interaction, await grantOf(provider, interaction)))
  // It was read with the session.
  const email = requestState().accounts.get(accountId ?? '')?.email
  return {
    uid: interaction.uid,
    prompt: prompt.name,
    client: {
      id: client.clientId,
      name: client.clientName ?? client.clientId,
      ...(client.logoUri === undefined ? {} : { logoUri: client.logoUri }),
      ...(client.clientUri === undefined ? {} : { clientUri: client.clientUri }),
      ...(client.policyUri === undefined ? {} : { policyUri: client.policyUri }),
      ...(client.tosUri === undefined ? {} : { tosUri: client.tosUri }),
    },
    ...(email === undefined ? {} : { email }),
    ...(typeof params.login_hint === 'string' ? { loginHint: params.login_hint } : {}),
    reauthentication: prompt.name === 'login' && accountId !== undefined,
    missing,
    apis: apisOf(deps.registry, missing),
    redirectHost: URL.parse(String(params.redirect_uri))?.host ?? '',
  }
}

/** The grant that the request starts from. */
async function grantOf(provider: Provider, { grantId, prompt }: Interaction): Promise<Grant | undefined> {
  return grantId === undefined || prompt.name !== 'consent' ? undefined : provider.Grant.find(grantId)
}

/** What the consent prompt lists as missing; with `prompt=consent` and nothing missing, what was asked for. */
function missingOf(interaction: Interaction, known: Grant | undefined): Consent {
  const { missingOIDCScope, missingResourceScopes } = interaction.prompt.details
  const resources: { [identifier: string]: string[] } = {}
  if (typeof missingResourceScopes === 'object' && missingResourceScopes !== null) {
    for (const [identifier, scopes] of Object.entries(missingResourceScopes)) resources[identifier] = strings(scopes)
  }
  const openid = strings(missingOIDCScope)
  if (openid.length > 0 || Object.keys(resources).length > 0 || interaction.prompt.name !== 'consent')
    return { openid, resources }
  const asked = String(interaction.params.scope ?? '').split(' ')
  for (const [identifier, granted] of Object.entries(known?.resources ?? {})) {
    const scopes = granted.split(' ').filter((scope) => asked.includes(scope))
    if (scopes.length > 0) resources[identifier] = scopes
  }
  return { openid: asked.filter((scope) => Object.hasOwn(OPENID_SCOPES, scope)), resources }
}

/** The library counts the scopes of APIs among those of OpenID Connect as well; a page names each once, with its API. */
function shown({ openid, resources }: Consent): Consent {
  const withTheirApi = new Set(Object.values(resources).flat())
  return { openid: openid.filter((scope) => !withTheirApi.has(scope)), resources }
}

/** What those APIs are called, and what people are to read of their scopes. */
export function apisOf(
  registry: InteractionDeps['registry'],
  { resources }: Pick<Consent, 'resources'>,
): NonNullable<PendingInteraction['apis']> {
  const known = registry.resourceServers().filter(({ identifier }) => Object.hasOwn(resources, identifier))
  return Object.fromEntries(
    known.map(({ identifier, name, scopeDescriptions = {} }) => [
      identifier,
      { ...(name === undefined ? {} : { name }), scopes: scopeDescriptions },
    ]),
  )
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

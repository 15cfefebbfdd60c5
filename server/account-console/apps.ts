// The apps that a person has let in: one of them looked at, what it may do taken back in part, or all of it.
import type { Context } from 'koa'
import { isStorable } from '../../config/plain-text.ts'
import { appPage, scopeField } from '../../views/account-console/app.ts'
import type { AccountConsent, Consent } from '../grants/consents.ts'
import type { GrantEvents } from '../grants/grant-events.ts'
import type { Csrf } from '../http/csrf.ts'
import { type Form, readForm } from '../http/form.ts'
import { HttpProblem } from '../http/problems.ts'
import { render } from '../http/render.ts'
import { originOf } from '../http/request-context.ts'
import { redirectWithNotice } from './notices.ts'
import type { Visit } from './visit.ts'

/** What this needs. */
export interface AppsDependencies {
  /** What a person has agreed to. */
  readonly consentsOf: (accountId: string) => Promise<readonly AccountConsent[]>
  /** What is known of the APIs in it. */
  readonly apisOf: (consent: Consent) => Parameters<typeof appPage>[0]['apis']
  readonly withdrawConsent: GrantEvents['withdrawConsent']
  readonly narrowConsent: GrantEvents['narrowConsent']
  readonly csrf: Csrf
}

const FORM = 'account apps'

/** Shows what an app may do. */
export async function showApp(deps: AppsDependencies, ctx: Context, { account }: Visit): Promise<void> {
  const consent = await agreedTo(deps, account.id, new URLSearchParams(ctx.querystring).get('client_id') ?? '')
  const { clientId, clientName } = consent
  const { openid, resources } = apart(consent)
  const apis = deps.apisOf(consent)
  render(ctx, appPage({ clientId, clientName, openid, resources, apis, csrf: deps.csrf.token(ctx, FORM) }))
}

/** Takes back what is not ticked any more. */
export async function narrowApp(deps: AppsDependencies, ctx: Context, { account }: Visit): Promise<void> {
  const form = await readForm(ctx)
  deps.csrf.check(ctx, form, FORM)
  const { clientId, ...consent } = await agreedTo(deps, account.id, form.get('client_id'))
  const { kept, less } = keptOf(apart(consent), form)
  if (less) {
    await deps.narrowConsent({ accountId: account.id, clientId, consent: kept }, { actor: account.id, origin: originOf(ctx) })
  }
  redirectWithNotice(ctx, less ? 'app_narrowed' : 'app_unchanged')
}

/** Takes all of it back. */
export async function removeApp(deps: AppsDependencies, ctx: Context, { account }: Visit): Promise<void> {
  const form = await readForm(ctx)
  deps.csrf.check(ctx, form, FORM)
  const clientId = form.get('client_id')
  // What is not there ends nothing, and the page says what there is.
  if (isStorable(clientId)) {
    await deps.withdrawConsent({ accountId: account.id, clientId }, { actor: account.id, origin: originOf(ctx) })
  }
  redirectWithNotice(ctx, 'app_removed')
}

/** @throws HttpProblem 404 */
async function agreedTo(deps: AppsDependencies, accountId: string, clientId: string): Promise<AccountConsent> {
  const consent = (await deps.consentsOf(accountId)).find((candidate) => candidate.clientId === clientId)
  if (consent === undefined) {
    throw new HttpProblem(404, 'No such app', 'You have let no such app in, or you have taken its access away.')
  }
  return consent
}

/** What was agreed to counts the scopes of APIs among those of OpenID Connect as well; a page names each once, with its API. */
function apart({ openid, resources }: Consent): Consent {
  const ofApis = new Set(Object.values(resources).flat())
  return { openid: openid.filter((scope) => !ofApis.has(scope)), resources }
}

/** What is still ticked, and whether that is less than there was. */
function keptOf({ openid, resources }: Consent, form: Form): { readonly kept: Consent; readonly less: boolean } {
  const isKept = (scope: string, identifier?: string) => form.has(scopeField(scope, identifier))
  const ofIdentity = openid.filter((scope) => scope === 'openid' || isKept(scope))
  const ofApis = Object.entries(resources).map(
    ([identifier, scopes]) => [identifier, scopes.filter((scope) => isKept(scope, identifier))] as const,
  )
  const less =
    ofIdentity.length < openid.length ||
    ofApis.some(([identifier, scopes]) => scopes.length < (resources[identifier]?.length ?? 0))
  const scopes = new Set(ofApis.flatMap(([, kept]) => kept))
  return { kept: { openid: [...ofIdentity, ...scopes], resources: Object.fromEntries(ofApis) }, less }
}

// The grant that an authorization request starts from: the one the session already has for the client, or a new one made
// of what the person agreed to before, or, for an app of one's own, of what it asks for.
import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import type { Consent, Consents } from '../grants/consents.ts'
import type { GrantAddition } from '../grants/new-grants.ts'
import { requestState } from './request-state.ts'

/** Makes the library's hook `loadExistingGrant`. */
export function createExistingGrant(deps: {
  readonly consents: Consents
}): (ctx: KoaContextWithOIDC) => Promise<Grant | undefined> {
  return async (ctx) => {
    const { client, session, account, provider } = ctx.oidc
    if (client === undefined || session === undefined || account === undefined) return undefined
    const known = ctx.oidc.result?.consent?.grantId ?? session.grantIdFor(client.clientId)
    const found = typeof known === 'string' ? await provider.Grant.find(known) : undefined
    const asksNobody = client.skip_consent === true
    if (found !== undefined && !asksNobody) return found
    const consent = asksNobody ? requested(ctx) : await deps.consents.find(account.accountId, client.clientId)
    if (consent === undefined) return undefined
    const grant = found ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
    // A grant that has all of it already is left as it is: most authorizations write nothing.
    if (found === undefined || !covers(found, consent)) await saveWith(grant, { consent, agreed: !asksNobody })
    return grant
  }
}

/** Adds to a grant what was agreed to, and stores it. @throws AccessDenied when that is no longer agreed to, or there is nothing to add it to */
export async function saveWith(grant: Grant, addition: GrantAddition): Promise<string> {
  const { consent } = addition
  if (consent.openid.length > 0) grant.addOIDCScope([...consent.openid])
  for (const [identifier, scopes] of Object.entries(consent.resources)) {
    if (scopes.length > 0) grant.addResourceScope(identifier, [...scopes])
  }
  const state = requestState()
  state.addition = addition
  try {
    return await grant.save()
  } finally {
    delete state.addition
  }
}

/** Everything that the request asks for: what a client that needs no consent is granted. */
function requested(ctx: KoaContextWithOIDC): Consent {
  const asked = ctx.oidc.requestParamScopes
  const resources = Object.entries(ctx.oidc.resourceServers ?? {}).map(
    ([identifier, server]) => [identifier, [...asked].filter((scope) => server.scopes.has(scope))] as const,
  )
  return { openid: [...ctx.oidc.requestParamOIDCScopes], resources: Object.fromEntries(resources) }
}

function covers(grant: Grant, consent: Consent): boolean {
  const openid = new Set(grant.getOIDCScope().split(' '))
  if (!consent.openid.every((scope) => openid.has(scope))) return false
  return Object.entries(consent.resources).every(([identifier, scopes]) => {
    const granted = new Set(grant.getResourceScope(identifier).split(' '))
    return scopes.every((scope) => granted.has(scope))
  })
}

// The pages of the bare library: to sign in and to consent, as small as they can be.

import type { IncomingMessage } from 'node:http'
import type Provider from 'oidc-provider'

/** Adds them. */
export function addPages(provider: Provider, isThePassword: (password: string) => boolean): void {
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interactions/')) return next()
    const { prompt, params, session } = await provider.interactionDetails(ctx.req, ctx.res)
    if (ctx.method === 'GET') {
      ctx.type = 'html'
      ctx.body = pageFor(prompt.name, ctx.path)
      return
    }
    const form = new URLSearchParams(await readBody(ctx.req))
    if (prompt.name === 'login' && !isThePassword(form.get('password') ?? '')) return ctx.throw(403)
    const result =
      prompt.name === 'login'
        ? { login: { accountId: form.get('username') ?? '' } }
        : { consent: { grantId: await grantAll(provider, String(params.client_id), session?.accountId ?? '', prompt.details) } }
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true }))
    ctx.status = 303
  })
}

function pageFor(prompt: string, action: string): string {
  const fields = prompt === 'login' ? '<input name="username"><input name="password" type="password">' : ''
  return `<!doctype html><title>${prompt}</title><form method="post" action="${action}">${fields}<button>Go on</button></form>`
}

async function grantAll(
  provider: Provider,
  clientId: string,
  accountId: string,
  details: { readonly [name: string]: unknown },
): Promise<string> {
  const grant = new provider.Grant({ clientId, accountId })
  const { missingOIDCScope, missingResourceScopes } = details
  if (isListOfText(missingOIDCScope)) grant.addOIDCScope(missingOIDCScope.join(' '))
  for (const [identifier, scopes] of Object.entries(missingResourceScopes ?? {}))
    if (isListOfText(scopes)) grant.addResourceScope(identifier, scopes.join(' '))
  return await grant.save()
}

function isListOfText(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

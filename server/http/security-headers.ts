// What browsers may do with what we answer: next to nothing. Our pages have one style sheet and no script.
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import Koa, { type Middleware } from 'koa'
import helmet from 'koa-helmet'

/** Makes the middleware. `secure`: the server is reached by https. */
export function createSecurityHeaders({ secure }: { readonly secure: boolean }): Middleware {
  const headers = headersOf(createHelmet(secure))
  return async (ctx, next) => {
    for (const [name, value] of Object.entries(await headers)) if (value !== undefined) ctx.res.setHeader(name, value)
    await next()
  }
}

/** They are the same for every answer, so that helmet need be asked once only. */
async function headersOf(middleware: Middleware): Promise<OutgoingHttpHeaders> {
  const request = new IncomingMessage(new Socket())
  const ctx = new Koa().createContext(request, new ServerResponse(request))
  await middleware(ctx, async () => undefined)
  return ctx.res.getHeaders()
}

function createHelmet(secure: boolean): Middleware {
  return helmet({
    contentSecurityPolicy: {
      // Helmet's own defaults would allow inline styles and, on plain http, send browsers to https.
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        // A redirect that follows the form counts too, which is why sign-in ends with a page and not with a redirect.
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
      },
    },
    crossOriginEmbedderPolicy: false,
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    // Discovery and keys are read by other sites; CORS says which answers are.
    crossOriginResourcePolicy: { policy: 'cross-origin' },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
    xXssProtection: false,
  })
}

/** The policy for the one page that must post a form elsewhere: `response_mode=form_post`. */
export const FORM_POST_POLICY =
  "default-src 'none';style-src 'self';img-src 'self' data:;frame-ancestors 'none';base-uri 'none';require-trusted-types-for 'script';trusted-types 'none'"

// The headers of the admin API's answers: the document declares them from here, and a route sends none that its answer does not name.
import { z } from 'zod'

/** What a route's own answer may name, besides its `Content-Type`. */
export const ROUTE_HEADERS = {
  ETag: 'The version of what is answered, for `If-Match`.',
  Location: 'Where what was made, or begun, is found.',
  'Content-Disposition': 'The name of the file.',
  'Access-Control-Allow-Origin': '`*`: every site may read it.',
} as const satisfies { readonly [name: string]: string }

/** The name of one. */
export type RouteHeader = keyof typeof ROUTE_HEADERS

/** What every answer has. */
const ALWAYS = {
  'X-Request-Id': z.string().meta({ description: 'Names the request in the log and in the audit log.' }),
}

/** What an answer has whose caller was let in and counted; with `LATCHKEY_RATE_LIMITS=off` none has. */
const COUNTED = {
  'RateLimit-Limit': z.int().optional().meta({ description: 'How many requests the caller may make in a while.' }),
  'RateLimit-Remaining': z.int().optional().meta({ description: 'How many of them are left.' }),
  'RateLimit-Reset': z.int().optional().meta({ description: 'In how many seconds there are more.' }),
}

const challenge = z.string().meta({ description: 'RFC 6750 §3: what is wrong with the token, or which scope is missing.' })
const retryAfter = z.int().meta({ description: 'So many seconds later it may work.' })

/** The headers of a route's answer, as the document has them. @param only those that not each of the answers has */
export function headersOf(isPublic: boolean, own: readonly RouteHeader[], sometimes: readonly RouteHeader[]): z.ZodObject {
  const named = own.map((name) => {
    const text = z.string().meta({ description: ROUTE_HEADERS[name] })
    return [name, sometimes.includes(name) ? text.optional() : text] as const
  })
  return z.object({ ...ALWAYS, ...(isPublic ? {} : COUNTED), ...Object.fromEntries(named) })
}

/** Answers that are problems, by their status, and what comes with each. */
export const PROBLEM_ANSWERS = {
  401: {
    description: 'No access token for this API came, or one that is no longer good.',
    headers: z.object({ ...ALWAYS, 'WWW-Authenticate': challenge }),
  },
  403: {
    description:
      'The token lacks a scope (`insufficient-scope`) or the person a role (`insufficient-role`); or what is to be changed may do more than the caller, or would be given more (`out-of-reach`).',
    headers: z.object({ ...ALWAYS, ...COUNTED, 'WWW-Authenticate': challenge.optional() }),
  },
  429: {
    description: 'The caller has asked too often.',
    headers: z.object({ ...ALWAYS, ...COUNTED, 'Retry-After': retryAfter }),
  },
} as const

/** Any other problem. */
export function otherProblem(isPublic: boolean): z.ZodObject {
  return z.object({
    ...ALWAYS,
    ...(isPublic ? {} : { ...COUNTED, 'WWW-Authenticate': challenge.optional() }),
    'Retry-After': retryAfter.optional(),
  })
}

// The kinds of problems that programs can tell apart (RFC 9457 §3.1.1). Their names do not change.

/** By the last word of `urn:latchkey:problem:…`: the status that it comes with, and what it means. */
export const PROBLEM_TYPES = {
  'invalid-request': { status: 400, meaning: 'a parameter, a header or the body is not as it must be' },
  'invalid-cursor': { status: 400, meaning: 'the cursor is not one of this list with this filter' },
  'insufficient-scope': { status: 403, meaning: 'the token lacks the scope; `WWW-Authenticate` names it' },
  'insufficient-role': { status: 403, meaning: 'the person has none of the roles' },
  'out-of-reach': { status: 403, meaning: 'it may do more than the caller, or gives more than the caller has' },
  'not-found': { status: 404, meaning: 'there is no such thing' },
  refused: { status: 409, meaning: 'the rules do not allow it; `detail` says which' },
  'request-under-way': {
    status: 409,
    meaning: 'the same request, with the same `Idempotency-Key`, is not finished yet',
  },
  'stale-version': { status: 412, meaning: 'it was changed since its `ETag` was given out' },
  'idempotency-key-reused': { status: 422, meaning: 'the key was used for another request' },
} as const satisfies { readonly [type: string]: { readonly status: number; readonly meaning: string } }

/** The name of a kind. */
export type ProblemType = keyof typeof PROBLEM_TYPES

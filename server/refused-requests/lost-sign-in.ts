// A sign-in that is lost, as the sign-in pages find it: nothing of the authorization request is left, or nothing that this browser may
// be told of.
import type { RequestInfo } from '../http/request-context.ts'
import type { Refusal } from './refusal.ts'

/** Makes the refusal of it, the same as when a browser comes back to the authorization endpoint from such a page. */
export function lostSignIn(request: RequestInfo, at: number): Refusal {
  return {
    at,
    ...request,
    endpoint: 'authorization',
    error: { code: 'invalid_request', description: 'authorization request has expired' },
    params: {},
    known: false,
    shownBy: 'none',
  }
}

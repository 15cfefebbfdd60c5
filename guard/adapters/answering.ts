// What all adapters do: look at a request, and say what has to be answered. How a framework is told so is theirs.
import type { AccessToken } from '../access-token.ts'
import { type Refusal, refusalFor } from '../challenges.ts'
import { GuardError } from '../errors.ts'
import type { RequestPieces } from '../presented-token.ts'
import type { ProtectedResourceMetadata } from '../protected-resource.ts'
import type { Verification } from '../verification.ts'

/** How an adapter is to act. */
export interface AdapterOptions {
  /** Scopes that the token must have, all of them: words with a space between, or a list. */
  readonly scope?: string | readonly string[]
  /** The client's certificate (PEM or DER), where a proxy hands it on; else that of the connection is taken. */
  readonly certificate?: (request: unknown) => string | Uint8Array | undefined
  /** What happens to a refusal: `answer` it (the default), or `pass` the error on to the framework's own handling. */
  readonly errors?: 'answer' | 'pass'
}

/** What adapters use of the guard. */
export interface Guarding {
  readonly verify: Verification
  /** Undefined when adapters do not answer for it. */
  readonly metadata: { readonly path: string; readonly document: ProtectedResourceMetadata } | undefined
  readonly publicUrl: string | undefined
}

/** A request, as an adapter sees it. */
export interface SeenRequest {
  readonly method: string
  /** Path and query, as they stand in the request line. */
  readonly target: string
  /** Where the framework thinks that the request was sent to. */
  readonly origin: string
  readonly authorization: string | undefined
  readonly dpop: string | readonly string[] | undefined
  readonly certificate: RequestPieces['certificate']
}

/** What is to be done with a request. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly token: AccessToken }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly error: GuardError }
  /** RFC 9728 §3: the metadata is for everybody. */
  | { readonly kind: 'metadata'; readonly document: ProtectedResourceMetadata }

/** Decides. Whatever is no refusal of the guard is thrown on. */
export async function decide(guarding: Guarding, request: SeenRequest, { scope }: AdapterOptions): Promise<Outcome> {
  const { metadata, publicUrl } = guarding
  const path = request.target.split('?', 1)[0]
  if (metadata !== undefined && path === metadata.path && /^(GET|HEAD)$/.test(request.method)) {
    return { kind: 'metadata', document: metadata.document }
  }
  const { method, authorization, dpop, certificate } = request
  // What proofs name is the public address, not the one a proxy uses, nor one that a header claims (RFC 9449 §4.3, 9).
  const url = `${publicUrl ?? request.origin}${request.target}`
  try {
    return { kind: 'accepted', token: await guarding.verify({ authorization, dpop, method, url, certificate }, { scope }) }
  } catch (error) {
    if (error instanceof GuardError) return { kind: 'refused', refusal: refusalFor(error), error }
    throw error
  }
}

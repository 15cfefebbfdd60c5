// What is said of one refused request besides its cause, and what has to be looked up to say it.
import type { ClientSecretItem } from '../clients/client-search.ts'
import type { Client } from '../clients/clients.ts'
import type { RedirectUriTest } from '../clients/redirect-uri-test.ts'
import type { Finding } from '../tokens/token-findings.ts'
import type { Cause } from './causes.ts'
import type { Refusal } from './refusal.ts'

/** What is known besides what came. Whatever could not be looked up is not there. */
export interface Known {
  readonly issuer: string
  /** The test of the console's. */
  readonly testRedirectUri: RedirectUriTest
  /** The client that the request names. */
  readonly client?: Client
  /** Its secrets, by age. */
  readonly secrets?: readonly ClientSecretItem[]
  /** The client whose `client_id` came in the place of the secret. */
  readonly exchanged?: boolean
  /** The code or refresh token that came. */
  readonly token?: Finding
  readonly apis?: readonly { readonly identifier: string; readonly scopes: readonly string[] }[]
}

/** What is said. `received` may hold what strangers sent, and goes through shown.ts before it is kept. */
export interface Explanation {
  /** A more exact one, where there is one. */
  readonly cause?: Cause
  readonly expected?: string
  readonly received?: string
  /** In which parts the two differ, and what else is to be known. */
  readonly reasons?: readonly string[]
}

/** Says it. */
export type Explain = (refusal: Refusal, known: Known) => Explanation

/** Those of a part of the causes. */
export type Explanations = { readonly [cause in Cause]?: Explain }

/** Of a program without people no redirect URI is missing, and another response type does not help either. */
export function signsNobodyIn({ client }: Known, received: string): Explanation | undefined {
  if (client === undefined || client.metadata.grant_types.includes('authorization_code')) return undefined
  return { cause: 'signs_nobody_in', expected: 'an app that people sign in to', received }
}

/** A parameter as it came. */
export function cameAs(refusal: Refusal, name: string): string {
  return refusal.params[name] ?? 'nothing'
}

/** How long something is, where it is not to be shown. */
export function lengthOf(value: string | undefined): string {
  return value === undefined ? 'nothing' : `${value.length} character${value.length === 1 ? '' : 's'}`
}

/** A list in words. */
export function listOf(words: readonly string[], none = 'none'): string {
  return words.length === 0 ? none : words.join(', ')
}

/** Which scope it is about. */
export function scopeReasons({ error }: Refusal): string[] {
  return error.scope === undefined ? [] : [`not allowed: ${error.scope}`]
}

/** A time in whole seconds, UTC; what no calendar has is said so. */
export function timeText(milliseconds: number): string {
  const date = new Date(milliseconds)
  return Number.isNaN(date.getTime()) ? 'no time' : date.toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Members of a JSON object. */
export interface Members {
  readonly [name: string]: unknown
}

/** The members of a part of a JWT; none when it is none. */
export function membersOf(part: string | undefined): Members {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** What a member says, if it is text or a list of it. */
export function textOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  return [value].flat().every((one) => typeof one === 'string') ? [value].flat().join(' ') : 'no text'
}

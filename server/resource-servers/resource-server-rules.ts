// What a resource server may be: its identifier (RFC 8707 §2), its scopes, and what is reserved for this server itself.
import { isReservedScope, isScopeToken } from '../../config/scopes.ts'

/** The most scopes of one resource server. */
const MOST_SCOPES = 200

const LONGEST_IDENTIFIER = 500

const LONGEST_DESCRIPTION = 200

/** Schemes that name nothing a token could be for. */
const FORBIDDEN_SCHEMES = ['javascript:', 'data:', 'vbscript:', 'file:', 'blob:', 'about:']

/** Why an identifier cannot be one; undefined when it can. */
export function identifierFault(identifier: string, issuer: string): string | undefined {
  if (identifier.length > LONGEST_IDENTIFIER) return `it is longer than ${LONGEST_IDENTIFIER} characters`
  // RFC 8707 §2: "an absolute URI [...] MUST NOT include a fragment component".
  const parsed = /[\s\\\p{Cc}\p{Cs}]/u.test(identifier) ? null : URL.parse(identifier)
  if (parsed === null) return 'it must be an absolute URI, such as https://notes.example/api'
  if (identifier.includes('#')) return 'it must not have a fragment'
  if (identifier.includes('*')) return 'it must not have wildcards: it is compared as it is'
  if (parsed.username !== '' || parsed.password !== '') return 'it must not have a user name'
  if (FORBIDDEN_SCHEMES.includes(parsed.protocol)) return `the scheme ${parsed.protocol} is not for resources`
  return reservedIdentifiers(issuer).includes(identifier.replace(/\/$/, '')) ? 'it stands for this server itself' : undefined
}

/** Why a scope cannot be one of an API; undefined when it can. */
export function resourceScopeFault(scope: string): string | undefined {
  // RFC 6749 §3.3.
  if (!isScopeToken(scope)) return 'it must be a scope: printable ASCII without spaces, quotes and backslashes'
  return isReservedScope(scope) ? 'it is a scope of this server itself or of OpenID Connect; take another name' : undefined
}

/** Why an API cannot have so few or so many scopes. */
export function scopeListFault(scopes: readonly string[]): string | undefined {
  if (scopes.length === 0) return 'it must have a scope'
  return scopes.length > MOST_SCOPES ? `it must have ${MOST_SCOPES} scopes at most` : undefined
}

/** Why a text cannot stand beside a scope on the consent page; undefined when it can. */
export function scopeDescriptionFault(text: string): string | undefined {
  if (text.trim() === '') return 'it must not be empty'
  if (text.length > LONGEST_DESCRIPTION) return `it must have ${LONGEST_DESCRIPTION} characters at most`
  // Nothing that hides or reverses what people agree to.
  return /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text) ? 'it must be one line of plain text' : undefined
}

/** The audiences of this server's own APIs, and the issuer itself, which is the audience of assertions (RFC 7523 §3). */
function reservedIdentifiers(issuer: string): string[] {
  return [issuer, `${issuer}/admin/api`, `${issuer}/revocations`, `${issuer}/shared-signals`]
}

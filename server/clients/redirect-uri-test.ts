// Tells a developer whether a redirect URI is one of a client's, and if not, why: in which part it differs from the registered one that
// it is nearest to. Whether it matches is not decided here but by the rule that decides for every request (RFC 9700 §2.1: exact strings;
// RFC 8252 §7.3: a native app's port on this machine is its own choice); here is only said why.
import { type Difference, differencesOf, type UriPart, uriParts } from './redirect-uri-differences.ts'
import { type ApplicationType, redirectUriFault } from './redirect-uris.ts'

/** What a client has registered. */
export interface RegisteredUris {
  readonly redirect_uris: readonly string[]
  readonly application_type: ApplicationType
}

/** Decides, as for a request of the client's. */
export type RedirectUriRule = (uri: string, registered: RegisteredUris) => boolean

/** What came of it. */
export interface RedirectUriVerdict {
  readonly matches: boolean
  /** The registered one that it is, or that it is nearest to. */
  readonly registered?: string
  /** Why it does not match, in plain words; empty when it does. */
  readonly reasons: readonly string[]
  /** Why it matches though it is another text. */
  readonly note?: string
  /** The two beside one another, part by part. */
  readonly parts: readonly UriPart[]
}

/** Tries one. */
export type RedirectUriTest = (
  uri: string,
  registered: RegisteredUris & { readonly post_logout_redirect_uris?: readonly string[] },
) => RedirectUriVerdict

/** Makes it. */
export function createRedirectUriTest(allows: RedirectUriRule): RedirectUriTest {
  return (uri, client) => {
    const { redirect_uris: registered, application_type: type } = client
    if (allows(uri, client)) {
      const same = registered.find((one) => allows(uri, { redirect_uris: [one], application_type: type })) ?? uri
      const parts = uriParts(same, uri)
      return { matches: true, registered: same, reasons: [], parts, ...(same === uri ? {} : { note: PORT_PASSED_OVER }) }
    }
    const slip = slipOf(uri, (meant) => allows(meant, client))
    if (slip !== undefined) return { matches: false, registered: slip.meant, reasons: [slip.words], parts: [] }
    const elsewhere = (client.post_logout_redirect_uris ?? []).includes(uri) ? [ONLY_AFTER_SIGN_OUT] : []
    if (registered.length === 0) return { matches: false, reasons: ['the client has no redirect URIs', ...elsewhere], parts: [] }
    const parsed = URL.parse(uri)
    if (parsed === null) return { matches: false, reasons: [NOT_ABSOLUTE], parts: [] }
    const judged = registered.map((one) => ({ one, reasons: differencesOf(one, uri, parsed, type) }))
    const [nearest = { one: '', reasons: [] }] = judged.toSorted((one, other) => weight(one.reasons) - weight(other.reasons))
    return {
      matches: false,
      registered: nearest.one,
      reasons: [...nearest.reasons.map(({ words }) => words), ...elsewhere, ...ownFault(uri, type)],
      parts: uriParts(nearest.one, uri),
    }
  }
}

const PORT_PASSED_OVER = 'only the port is another one, and a native app may choose its port on this machine (RFC 8252 §7.3)'
const ONLY_AFTER_SIGN_OUT = 'it is one of the post_logout_redirect_uris, which count after a sign-out only'
const NOT_ABSOLUTE = 'it is not an absolute URI, such as https://app.example/callback'

/** What somebody pasted to have it tried. */
export interface PastedUri {
  readonly uri: string
  /** Undefined: it is the redirect URI itself. */
  readonly request?: {
    readonly clientId: string
    /** What of it keeps the redirect URI from being seen. */
    readonly fault?: string
  }
}

/** Reads it: a redirect URI, or the whole address of an authorization request, in which one stands. */
export function readPastedUri(text: string): PastedUri {
  const params = URL.parse(text.trim())?.searchParams
  const clientId = params?.get('client_id')
  const isRequest = REQUEST_PARAMETERS.some((name) => params?.has(name) === true)
  if (params === undefined || clientId === null || clientId === undefined || !isRequest) return { uri: text }
  const uris = params.getAll('redirect_uri')
  const [uri = ''] = uris
  const fault =
    uris.length > 1
      ? 'it has redirect_uri twice, and is refused for that'
      : uri !== ''
        ? undefined
        : params.has('request_uri')
          ? 'it has a request_uri: what was pushed to /par counts, and stands in no address'
          : 'it has no redirect_uri'
  return { uri, request: { clientId, ...(fault === undefined ? {} : { fault }) } }
}

const REQUEST_PARAMETERS = ['redirect_uri', 'response_type', 'request_uri']

/** Slips by which an address that is right comes as another text. */
function slipOf(uri: string, allows: (meant: string) => boolean): { readonly meant: string; readonly words: string } | undefined {
  const trimmed = uri.trim()
  if (trimmed !== uri && allows(trimmed))
    return { meant: trimmed, words: 'there is a space or a line break before or after it, which counts' }
  const decoded = decodedOnce(trimmed)
  if (decoded === undefined || !allows(decoded)) return undefined
  return { meant: decoded, words: 'it is percent-encoded once too often: encode it once, as a parameter of the address' }
}

function decodedOnce(uri: string): string | undefined {
  if (!/^[\w+.-]+%3a/i.test(uri)) return undefined
  try {
    return decodeURIComponent(uri)
  } catch {
    return undefined
  }
}

function weight(reasons: readonly Difference[]): number {
  return reasons.reduce((sum, reason) => sum + reason.weight, 0)
}

/** What could not even be registered. */
function ownFault(uri: string, applicationType: ApplicationType): string[] {
  const fault = redirectUriFault(uri, applicationType)
  return fault === undefined ? [] : [`it could not be registered either: ${fault}`]
}

// Tells a developer whether a redirect URI is one of a client's, and if not, why: in which part it differs from the registered one that
// it is nearest to. The library compares by the same rules (RFC 9700 §2.1: exact strings; RFC 8252 §7.3: a native app's port on this
// machine is its own choice).
import { redirectUriFault } from './redirect-uris.ts'

/** What came of it. */
export interface RedirectUriVerdict {
  readonly matches: boolean
  /** The registered one that it is, or that it is nearest to. */
  readonly registered?: string
  /** Why it does not match, in plain words; empty when it does. */
  readonly reasons: readonly string[]
}

/** Compares. */
export function testRedirectUri(
  uri: string,
  {
    redirect_uris: registered,
    application_type: applicationType,
  }: { readonly redirect_uris: readonly string[]; readonly application_type: 'web' | 'native' },
): RedirectUriVerdict {
  const same = registered.find((one) => one === uri || (applicationType === 'native' && isSameOnThisMachine(one, uri)))
  if (same !== undefined) return { matches: true, registered: same, reasons: [] }
  if (registered.length === 0) return { matches: false, reasons: ['the client has no redirect URIs'] }
  const parsed = URL.parse(uri)
  if (parsed === null) return { matches: false, reasons: ['it is not an absolute URI, such as https://app.example/callback'] }
  const judged = registered.map((one) => ({ one, reasons: differences(one, uri, parsed, applicationType) }))
  const [nearest = { one: '', reasons: [] }] = judged.toSorted((one, other) => weight(one.reasons) - weight(other.reasons))
  return {
    matches: false,
    registered: nearest.one,
    reasons: [...nearest.reasons.map(({ words }) => words), ...ownFault(uri, applicationType)],
  }
}

/** RFC 8252 §7.3: the port is passed over, and nothing else. */
function isSameOnThisMachine(registered: string, uri: string): boolean {
  const without = withoutPort(uri)
  return without !== undefined && without === withoutPort(registered)
}

function withoutPort(uri: string): string | undefined {
  const parsed = URL.parse(uri)
  if (parsed?.protocol !== 'http:' || !THIS_MACHINE.includes(parsed.hostname)) return undefined
  return uri.replace(/^(\w+:\/\/(?:[^/?#]*@)?(?:\[[^\]]*\]|[^/?#:]*)):\d*(?=[/?#]|$)/, '$1')
}

const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]']

/** A difference, and how far apart it says the two are. */
interface Difference {
  readonly weight: number
  readonly words: string
}

function weight(reasons: readonly Difference[]): number {
  return reasons.reduce((sum, reason) => sum + reason.weight, 0)
}

function differences(registered: string, uri: string, asked: URL, applicationType: 'web' | 'native'): Difference[] {
  const known = URL.parse(registered)
  if (known === null) return [{ weight: 1000, words: `${registered} is registered` }]
  const found = [
    schemeDifference(known, asked),
    hostDifference(known, asked),
    portDifference(known, asked, applicationType),
    pathDifference(known, asked),
    queryDifference(known, asked),
    uri.includes('#') ? { weight: 1, words: 'it has a fragment (#…), which a redirect URI must not have' } : undefined,
  ].filter((one) => one !== undefined)
  return found.length > 0 ? found : [spellingDifference(registered, uri)]
}

function schemeDifference(known: URL, asked: URL): Difference | undefined {
  if (known.protocol === asked.protocol) return undefined
  return { weight: 3, words: `the scheme is ${asked.protocol} and ${known.protocol} is registered` }
}

function hostDifference(known: URL, asked: URL): Difference | undefined {
  if (known.hostname === asked.hostname) return undefined
  const words = `the host is ${asked.hostname || 'missing'} and ${known.hostname || 'none'} is registered`
  if (THIS_MACHINE.includes(known.hostname) && THIS_MACHINE.includes(asked.hostname))
    return { weight: 2, words: `${words}: names of this machine are compared as they are written` }
  const near = known.hostname.replace(/^www\./, '') === asked.hostname.replace(/^www\./, '')
  return { weight: near ? 3 : 20, words }
}

function portDifference(known: URL, asked: URL, applicationType: 'web' | 'native'): Difference | undefined {
  if (known.port === asked.port) return undefined
  const words = `the port is ${portOf(asked)} and ${portOf(known)} is registered`
  const chosen = applicationType === 'web' && known.protocol === 'http:' && asked.protocol === 'http:'
  return {
    weight: 2,
    words: chosen ? `${words}: only a client with application_type native may choose its port on this machine` : words,
  }
}

function portOf({ port, protocol }: URL): string {
  if (port !== '') return port
  return { 'https:': '443', 'http:': '80' }[protocol] ?? 'none'
}

function pathDifference({ pathname: known }: URL, { pathname: asked }: URL): Difference | undefined {
  if (known === asked) return undefined
  if (`${known}/` === asked) return { weight: 1, words: `it ends with a slash and ${known} is registered without` }
  if (known === `${asked}/`) return { weight: 1, words: `it ends without a slash and ${known} is registered with one` }
  const words = `the path is ${asked} and ${known} is registered`
  return known.toLowerCase() === asked.toLowerCase()
    ? { weight: 1, words: `${words}: upper and lower case differ in paths` }
    : { weight: 4, words }
}

function queryDifference({ search: known }: URL, { search: asked }: URL): Difference | undefined {
  if (known === asked) return undefined
  if (known === '') return { weight: 2, words: `it has the query ${asked} and none is registered` }
  if (asked === '') return { weight: 2, words: `it has no query and ${known} is registered` }
  // The same parameters with other values are nearer than others.
  const sameNames = [...new URLSearchParams(known).keys()].join() === [...new URLSearchParams(asked).keys()].join()
  return { weight: sameNames ? 1 : 3, words: `the query is ${asked} and ${known} is registered` }
}

/** All parts are the same, read as a URL; the strings are not. */
function spellingDifference(registered: string, uri: string): Difference {
  const inCase = registered.toLowerCase() === uri.toLowerCase()
  const words = inCase
    ? 'upper and lower case differ, and the two are compared as they are written'
    : `it is written otherwise than ${registered}, and the two are compared as they are written (a default port, dots in the path, a slash after the host, or percent-encoding)`
  return { weight: 0.5, words }
}

/** What could not even be registered. */
function ownFault(uri: string, applicationType: 'web' | 'native'): string[] {
  const fault = redirectUriFault(uri, applicationType)
  return fault === undefined ? [] : [`it could not be registered either: ${fault}`]
}

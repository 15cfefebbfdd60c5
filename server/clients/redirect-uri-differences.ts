// In which parts a redirect URI differs from a registered one, in plain words. Nothing is decided here: it is only told.
import type { ApplicationType } from './redirect-uris.ts'

/** A difference, and how far apart it says the two are. */
export interface Difference {
  readonly weight: number
  readonly words: string
}

/** One part of two addresses. */
export interface UriPart {
  readonly part: 'scheme' | 'host' | 'port' | 'path' | 'query' | 'fragment'
  readonly received: string
  readonly registered: string
}

/** Two addresses part by part; those that neither has are left out. Empty when one is none. */
export function uriParts(registered: string, uri: string): UriPart[] {
  const [known, asked] = [URL.parse(registered), URL.parse(uri)]
  if (known === null || asked === null) return []
  const pair = (part: UriPart['part'], of: (url: URL) => string) => ({ part, received: of(asked), registered: of(known) })
  return [
    pair('scheme', ({ protocol }) => protocol.replace(/:$/, '')),
    pair('host', ({ hostname }) => hostname),
    pair('port', (url) => (url.hostname === '' ? '' : portOf(url))),
    pair('path', ({ pathname }) => pathname),
    pair('query', ({ search }) => search),
    pair('fragment', ({ hash }) => hash),
  ].filter((one) => one.received !== '' || one.registered !== '')
}

/** The differences, one or more. `asked` is `uri`, parsed. */
export function differencesOf(registered: string, uri: string, asked: URL, applicationType: ApplicationType): Difference[] {
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

const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]']

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

function portDifference(known: URL, asked: URL, applicationType: ApplicationType): Difference | undefined {
  if (known.port === asked.port) return undefined
  const here = [known, asked].every(({ protocol, hostname }) => protocol === 'http:' && THIS_MACHINE.includes(hostname))
  // RFC 8252 §7.3: there it does not count, and something else differs.
  if (applicationType === 'native' && here) return undefined
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

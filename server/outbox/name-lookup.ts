// Looks the names of other people's servers up. The system's own look-up keeps one of the process's few threads for as long as a name
// server takes, whoever has given up waiting meanwhile: two apps whose name servers do not answer would keep all others from being
// told, and this server from its stores. So the name servers are asked directly, which takes no thread.
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { errorCode } from '../../config/faults.ts'
import { LONGEST_EXCHANGE_MS } from './time-for.ts'

/** Looks a name up; `callback` is given at least one address, or why there is none. */
export type LookUpName = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void

/** Each name server is asked so often. All of it leaves the exchange time to connect in; tries end a little late. */
const TRIES = 2
const LONGEST_LOOK_UP_MS = LONGEST_EXCHANGE_MS - 2000

/** Of these the name server may be one that is not there any more. */
const UNREACHED: ReadonlySet<string> = new Set(['ETIMEOUT', 'ECONNREFUSED'])

/** Makes it. `servers` gives those to ask, at each time that it matters: those of the system, unless given. */
export function createNameLookup({ servers }: { readonly servers?: () => readonly string[] } = {}): LookUpName {
  // It keeps the name servers of the moment when it was made. A machine is given others while this process runs, so after a look-up
  // for which one was not reached the next look-up makes another.
  let known: Resolver | undefined

  /** Undefined where the name servers answer that they know of none, or there are none. @throws when they do not answer */
  async function ask(hostname: string): Promise<LookupAddress[] | undefined> {
    known ??= makeResolver(servers?.())
    const resolver = known
    const asked = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    const faults = asked.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []))
    // Only once, however many wait for the same: by then it may be another.
    if (known === resolver && faults.some((fault) => UNREACHED.has(errorCode(fault)))) known = undefined
    const found = asked.flatMap((answer, index) =>
      answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : [],
    )
    if (found.length > 0) return found
    const silent = faults.find((fault) => errorCode(fault) === 'ETIMEOUT')
    if (silent !== undefined) throw silent
    return undefined
  }

  return (hostname, callback) => {
    // A file of this machine, or a domain that is searched, may know it. The name servers answer, so that does not take long.
    const elsewhere = () => systemLookup(hostname, { all: true }, callback)
    if (/(^|\.)localhost\.?$/i.test(hostname)) return elsewhere()
    ask(hostname).then(
      (found) => (found === undefined ? elsewhere() : callback(null, found)),
      (error: NodeJS.ErrnoException) => callback(error, []),
    )
  }
}

/** With the servers of the system as it has them now, unless others are given. */
function makeResolver(given: readonly string[] | undefined): Resolver {
  const servers = given ?? new Resolver().getServers()
  const timeout = Math.floor(LONGEST_LOOK_UP_MS / (TRIES * Math.max(1, servers.length)))
  // Without the most, a second try would have twice the time, or more where answers have been slow.
  const resolver = new Resolver({ timeout, maxTimeout: timeout, tries: TRIES })
  if (given !== undefined) resolver.setServers([...given])
  return resolver
}

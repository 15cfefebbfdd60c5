// Looks the names of other people's servers up. The system's own look-up keeps one of the process's few threads for as long as a name
// server takes, whoever has given up waiting meanwhile: two apps whose name servers do not answer would keep all others from being
// told, and this server from its stores. So the name servers are asked directly, which takes no thread.
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'

/** Looks a name up; `callback` is given at least one address, or why there is none. */
export type LookUpName = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void

/** A name server has so long for an answer, and is asked twice. */
const TIMEOUT_MS = 1000

/** Makes it. `servers` are those of the system, unless given. */
export function createNameLookup({ servers }: { readonly servers?: readonly string[] } = {}): LookUpName {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 })
  if (servers !== undefined) resolver.setServers([...servers])

  /** Undefined where the name servers answer that they know of none, or there are none. @throws when they do not answer */
  async function ask(hostname: string): Promise<LookupAddress[] | undefined> {
    const asked = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    const found = asked.flatMap((answer, index) =>
      answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : [],
    )
    if (found.length > 0) return found
    const silent = asked.find((answer) => answer.status === 'rejected' && answer.reason?.code === 'ETIMEOUT')
    if (silent?.status === 'rejected') throw silent.reason
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

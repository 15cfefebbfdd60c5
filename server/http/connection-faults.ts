// Errors that come when no answer can be given any more: a client that hung up, or bytes that are no HTTP. Koa would print
// them with their stacks beside the log, and whoever opens connections could fill it.
import type { Log } from './log.ts'

/** What Node says of a connection that the other side broke off or spoilt; `HPE_…` are the words of its HTTP parser. */
const BY_THE_CLIENT = /^(?:HPE_.*|ECONNRESET|ECONNABORTED|EPIPE|ERR_STREAM_PREMATURE_CLOSE)$/

/** Makes a listener for the `error` events of a Koa app. */
export function createConnectionFaults({ log }: { readonly log: Log }): (error: Error) => void {
  return (error) => {
    if ('code' in error && BY_THE_CLIENT.test(String(error.code))) log.debug({ err: error }, 'a client broke off')
    // What may be told to the client has been answered as its own fault.
    else if ('expose' in error && error.expose === true) log.debug({ err: error }, 'request refused')
    else log.error({ err: error }, 'request failed')
  }
}

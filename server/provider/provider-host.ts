// Holds the Provider in use, so that it can be exchanged without a restart: requests in flight finish on the old one.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'

/** The Provider in use. */
export interface ProviderHost {
  readonly current: Provider
  /** Lets the Provider answer a request. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Builds a new Provider and uses it from now on. */
  swap(): void
}

/** Makes the host; `build` makes a Provider of what is known now. */
export function createProviderHost(build: () => Provider): ProviderHost {
  let current = build()
  let handle = current.callback()
  return {
    get current() {
      return current
    },
    handle: (request, response) => handle(request, response),
    swap() {
      current = build()
      handle = current.callback()
    },
  }
}

// Asking the authorization server about one token (RFC 7662), for when revocations are not up to date.
import type { ClientAuthentication } from './client-authentication.ts'
import { IntrospectionUnavailable, InvalidToken } from './errors.ts'
import type { IssuerMetadata } from './issuer.ts'
import type { GuardLog } from './log.ts'
import type { Requests } from './requests.ts'

/** Asks. The answer is not kept: the next request may come after a revocation. @throws InvalidToken @throws IntrospectionUnavailable */
export type Introspection = (token: string) => Promise<void>

/** What is needed to ask. */
export interface IntrospectionParts {
  readonly clientId: string
  readonly discover: () => Promise<IssuerMetadata>
  readonly authenticate: ClientAuthentication
  readonly requests: Requests
  readonly log: GuardLog
}

export function createIntrospection({ clientId, discover, authenticate, requests, log }: IntrospectionParts): Introspection {
  return async (token) => {
    const { status, json } = await ask(token).catch((cause: unknown) => {
      throw new IntrospectionUnavailable('The authorization server cannot be asked about the token', {
        fix: 'See that it runs and can be reached from here.',
        cause,
      })
    })
    const { active } = Object(json) as { active?: unknown }
    if (status !== 200 || typeof active !== 'boolean') {
      throw new IntrospectionUnavailable(`The introspection endpoint answered ${status}`, {
        fix: `S${fixOf(clientId).slice(1)}`,
      })
    }
    if (active) return
    // RFC 7662 §2.2: whoever may not ask is answered as if the token were dead. Only a person can tell the two apart.
    log({ level: 'warn', message: `The server calls a token not active. If it says so of all, ${fixOf(clientId)}` })
    throw new InvalidToken('revoked', 'The access token is not active.')
  }

  async function ask(token: string) {
    const { introspectionEndpoint } = await discover()
    return authenticate(({ headers, parameters }) => {
      const body = new URLSearchParams({ token, token_type_hint: 'access_token', ...parameters })
      return requests.send(introspectionEndpoint, { method: 'POST', headers: { ...headers, accept: 'application/json' }, body })
    })
  }
}

function fixOf(clientId: string): string {
  return `see that ${clientId} is listed under \`clients\` of its resource server, with this secret.`
}

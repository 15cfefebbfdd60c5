// Looks up what an explanation needs, for the few causes that need it. It is done after the answer, and takes nothing from anybody: a
// code that is looked at is not redeemed.
import { isClientId } from '../clients/client-metadata-members.ts'
import type { ClientSearch } from '../clients/client-search.ts'
import type { Clients } from '../clients/clients.ts'
import type { Finding } from '../tokens/token-findings.ts'
import type { Cause } from './causes.ts'
import type { Known } from './explanation.ts'
import type { Refusal } from './refusal.ts'

/** Where it is looked. */
export interface LookUpDeps extends Pick<Known, 'issuer' | 'testRedirectUri'> {
  readonly clients: Pick<Clients, 'find'>
  readonly clientSearch: Pick<ClientSearch, 'find'>
  /** At a token or code. */
  readonly inspect: (value: string) => Promise<Finding>
  readonly apis: () => Promise<NonNullable<Known['apis']>>
}

/** Longer ones are no tokens of ours. */
const LONGEST_TOKEN = 4000

/** Makes the function. What cannot be looked up, since a store is away, is not known. */
export function createLookUp(deps: LookUpDeps): (cause: Cause, refusal: Refusal) => Promise<Known> {
  const { issuer, testRedirectUri, clients, clientSearch, inspect, apis } = deps
  return async (cause, refusal) => {
    const { clientId, secret, params } = refusal
    const id = clientId !== undefined && isClientId(clientId) ? clientId : undefined
    const token = WITH_TOKEN.has(cause) ? (params.refresh_token ?? params.code) : undefined
    const [client, detail, exchanged, finding, known] = await Promise.all([
      orNothing(id === undefined ? undefined : clients.find(id)),
      orNothing(id === undefined || cause !== 'secret_wrong' ? undefined : clientSearch.find(id)),
      orNothing(cause === 'client_unknown' && secret !== undefined && isClientId(secret) ? clients.find(secret) : undefined),
      orNothing(token === undefined || token.length > LONGEST_TOKEN ? undefined : inspect(token)),
      orNothing(WITH_APIS.has(cause) ? apis() : undefined),
    ])
    return {
      issuer,
      testRedirectUri,
      exchanged: exchanged !== undefined,
      ...(client === undefined ? {} : { client }),
      ...(detail === undefined ? {} : { secrets: detail.secrets }),
      ...(finding === undefined ? {} : { token: finding }),
      ...(known === undefined ? {} : { apis: known }),
    }
  }
}

const WITH_TOKEN: ReadonlySet<Cause> = new Set(['code_unknown', 'other_client', 'refresh_token_unknown', 'scope_not_granted'])
const WITH_APIS: ReadonlySet<Cause> = new Set(['resource_unknown', 'resource_not_allowed'])

async function orNothing<Found>(looked: Promise<Found> | undefined): Promise<Found | undefined> {
  try {
    return await looked
  } catch {
    return undefined
  }
}

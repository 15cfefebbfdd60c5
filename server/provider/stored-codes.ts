// Authorization codes as they are kept, for whoever looks at one that he holds. Looking takes nothing.
import type { AdapterPayload } from 'oidc-provider'
import type { LiveStore } from '../storage/live-store.ts'
import { dateOf } from '../tokens/token-findings.ts'
import type { StoredCode } from '../tokens/token-inspection.ts'
import { sessionIdOf } from './session-ids.ts'

/** Makes the function that finds one; undefined when it is none, or its minute is over. */
export function createCodeLookup(store: Pick<LiveStore, 'find'>): (value: string) => Promise<StoredCode | undefined> {
  return async (value) => {
    const payload = (await store.find('AuthorizationCode', value)) as AdapterPayload | undefined
    if (payload === undefined) return undefined
    const { clientId, accountId, grantId, sessionUid, scope, redirectUri, iat, exp, consumed } = payload
    const [issuedAt, expiresAt] = [dateOf(iat), dateOf(exp)]
    return {
      ids: {
        ...(clientId === undefined ? {} : { clientId }),
        ...(accountId === undefined ? {} : { accountId }),
        ...(grantId === undefined ? {} : { grantId }),
        ...(sessionUid === undefined ? {} : { sessionId: sessionIdOf(sessionUid) }),
      },
      redeemed: consumed !== undefined,
      ...(scope === undefined ? {} : { scope }),
      ...(redirectUri === undefined ? {} : { redirectUri }),
      ...(issuedAt === undefined ? {} : { issuedAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    }
  }
}

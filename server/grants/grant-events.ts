// What happens to a grant or a consent and ends something, as every surface calls it: each is one transaction with its audit
// event, and answers what it ended.
import type { Prisma } from '../../prisma/client/client.ts'
import { recordAudits } from '../audit/audit.ts'
import { type Change, eventOf, recordChange } from '../audit/change.ts'
import { notifyClientsOfGrants } from '../logout-notifications/new-notifications.ts'
import type { Ended, Ending, Endings } from '../tokens/ending.ts'
import { endOfflineFamiliesOfGrants } from '../tokens/family-ends.ts'
import { type Consent, deleteConsent, lockConsent, replaceConsent } from './consents.ts'
import { endGrants, lockGrantsOf, lockStandingGrants, narrowGrants } from './grants.ts'

/** Whose consent for what client. */
export interface ConsentOf {
  readonly accountId: string
  readonly clientId: string
}

/** The events. What is not there ends nothing, and is not written down. */
export interface GrantEvents {
  /**
   * Ends grants with their tokens, whosever they are, and their clients are told. Those that are void already are passed over. One that
   * ran out is not counted, and its client not told; what may still live of it ends, and only then is it written down.
   */
  revokeMany(grantIds: readonly string[], change: Change): Promise<Ended>
  /** The same, as a part of an end in progress. */
  revokeWithin(ending: Ending, grantIds: readonly string[], change: Change): Promise<void>
  /** Ends all grants that an account has given a client, which is told, and forgets what was agreed to. */
  withdrawConsent(of: ConsentOf, change: Change): Promise<Ended>
  /**
   * Lets a client do no more than `consent` from now on. Access tokens that may say more are dead, and a refresh gets less.
   * With nothing left it is withdrawn.
   */
  narrowConsent(of: ConsentOf & { readonly consent: Consent }, change: Change): Promise<Ended>
}

/** Makes them. */
export function createGrantEvents({ endings }: { readonly endings: Endings }): GrantEvents {
  return {
    revokeMany: (grantIds, change) => endings.run('grant_revoked', (ending) => revokeWithin(ending, grantIds, change)),

    revokeWithin,

    withdrawConsent: (of, change) => endings.run('consent_withdrawn', (ending) => withdraw(ending, of, change)),

    narrowConsent: ({ accountId, clientId, consent }, change) =>
      endings.run('consent_narrowed', (ending) => narrow(ending, { accountId, clientId }, consent, change)),
  }
}

async function revokeWithin(ending: Ending, grantIds: readonly string[], change: Change): Promise<void> {
  const grants = await lockStandingGrants(ending.tx, grantIds)
  const ids = grants.map(({ id }) => id)
  if (ids.length === 0) return
  const { live, hadLive } = await endGrants(ending, ids)
  ending.counts.logoutNotifications += await notifyClientsOfGrants(ending.tx, live, ending.cause)
  const written = grants.filter(({ id }) => hadLive.has(id))
  if (written.length === 0) return
  const events = written.map(({ id, accountId, clientId, sessionId }) => {
    return eventOf('grant.revoked', change, { accountId, clientId, grantId: id, ...(sessionId === null ? {} : { sessionId }) })
  })
  await recordAudits(ending.tx, events)
}

async function withdraw(ending: Ending, of: ConsentOf, change: Change): Promise<void> {
  const agreed = await lockConsent(ending.tx, of)
  await deleteConsent(ending.tx, of)
  const ids = (await lockGrantsOf(ending.tx, of)).map(({ id }) => id)
  const { live, hadLive } = await endGrants(ending, ids)
  // The client's own sign-in rests on the grant: it is told to end that, though the session goes on.
  ending.counts.logoutNotifications += await notifyClientsOfGrants(ending.tx, live, ending.cause)
  if (agreed === undefined && hadLive.size === 0) return
  await recordChange(ending.tx, 'consent.withdrawn', change, { ...of, detail: { grants: ending.counts.grants } })
}

async function narrow(ending: Ending, of: ConsentOf, consent: Consent, change: Change): Promise<void> {
  const agreed = await lockConsent(ending.tx, of)
  const left = agreed === undefined ? undefined : common(agreed, consent)
  if (consent.openid.length === 0 && Object.values(consent.resources).every((scopes) => scopes.length === 0)) {
    return withdraw(ending, of, change)
  }
  if (left !== undefined) await replaceConsent(ending.tx, of, left)
  const narrowed = (await lockGrantsOf(ending.tx, of)).flatMap(({ id, payload, live }) => {
    const less = narrowerPayload(payload, consent)
    return less === undefined ? [] : [{ id, payload: less, live }]
  })
  await narrowGrants(ending, narrowed)
  // Without it nothing goes on once the session is over.
  if (!consent.openid.includes('offline_access')) {
    await endOfflineFamiliesOfGrants(
      ending,
      narrowed.map(({ id }) => id),
    )
  }
  const grants = narrowed.filter(({ live }) => live).length
  if (grants === 0 && (agreed === undefined || sameConsent(agreed, left ?? agreed))) return
  const detail = { openid: [...consent.openid], resources: json(consent.resources), grants }
  await recordChange(ending.tx, 'consent.narrowed', change, { ...of, detail })
}

/** What is in both. */
function common(one: Consent, other: Consent): Consent {
  return {
    openid: one.openid.filter((scope) => other.openid.includes(scope)),
    resources: Object.fromEntries(
      Object.entries(one.resources)
        .map(
          ([identifier, scopes]) => [identifier, scopes.filter((scope) => other.resources[identifier]?.includes(scope))] as const,
        )
        .filter(([, scopes]) => scopes.length > 0),
    ),
  }
}

function sameConsent(one: Consent, other: Consent): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** The grant as the library stores it, without what is no longer agreed to; undefined when it has no more than that. */
function narrowerPayload(payload: Prisma.JsonObject, consent: Consent): Prisma.JsonObject | undefined {
  const openid = scopeOf(payload.openid)
  const resources = isObject(payload.resources) ? payload.resources : {}
  const has: Consent = {
    openid,
    resources: Object.fromEntries(
      Object.entries(resources).map(([identifier, scope]) => [identifier, words(typeof scope === 'string' ? scope : '')]),
    ),
  }
  const keeps = common(has, consent)
  if (sameConsent(has, keeps)) return undefined
  return {
    ...payload,
    openid: { ...(isObject(payload.openid) ? payload.openid : {}), scope: keeps.openid.join(' ') },
    resources: Object.fromEntries(Object.entries(keeps.resources).map(([identifier, scopes]) => [identifier, scopes.join(' ')])),
  }
}

function scopeOf(openid: Prisma.JsonValue | undefined): string[] {
  return isObject(openid) && typeof openid.scope === 'string' ? words(openid.scope) : []
}

function words(scope: string): string[] {
  return scope.split(' ').filter((word) => word !== '')
}

function isObject(value: Prisma.JsonValue | undefined): value is Prisma.JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function json(value: object): Prisma.InputJsonObject {
  return JSON.parse(JSON.stringify(value)) as Prisma.InputJsonObject
}

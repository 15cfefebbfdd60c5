// How a session's tree is shown, and a grant in it.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { AccessRule } from '../../config/roles.ts'
import type { GrantNode } from '../grants/grant-tree.ts'
import type { LogoutNotification } from '../logout-notifications/logout-notifications.ts'
import type { GuardNode, SessionTree } from '../sessions/session-tree.ts'
import type { LiveRevocation } from '../tokens/live-revocations.ts'
import { moment, ownerShape, showOwner } from './shapes.ts'

/** Reads a session's tree, and shows of it what the one who asks may see. */
export type ShowTree = (sessionId: string, may: (rule: AccessRule) => boolean) => Promise<object>

/** A grant. */
export const grantShape = z
  .object({
    id: z.string(),
    account: ownerShape,
    client: z.object({ id: z.string(), name: z.string() }),
    session_id: z.string().nullable(),
    scopes: z.array(z.string()),
    resources: z.record(z.string(), z.array(z.string())),
    created_at: moment,
    expires_at: moment,
    live: z.boolean(),
    state: z.enum(['live', 'ended', 'expired']),
    ended_at: moment.nullable(),
    end_reason: z.string().nullable(),
    access_tokens_until: moment.meta({ description: 'The youngest access token there can be expires then at the latest.' }),
    refresh_families: z.array(
      z.object({
        generation: z.int().meta({ description: 'How often it has been rotated.' }),
        session_bound: z.boolean().meta({ description: 'It ends with the session.' }),
        live: z.boolean(),
        created_at: moment,
        rotated_at: moment.nullable(),
        idle_expires_at: moment,
        absolute_expires_at: moment,
        ended_at: moment.nullable(),
        end_reason: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Grant' })

/** A revocation in force. */
export const revocationShape = z
  .object({
    sequence: z.int(),
    kind: z.enum(['jti', 'sid', 'grant_id', 'sub', 'client_id', 'kid']),
    value: z.string(),
    before: moment.nullable().meta({ description: 'Only tokens issued until then are dead; null: all.' }),
    until: moment.meta({ description: 'When the last token concerned has expired.' }),
    reason: z.string(),
    created_at: moment,
  })
  .meta({ id: 'Revocation' })

/** That an app is told that a session is over. */
export const notificationShape = z
  .object({
    id: z.string(),
    session_id: z.string(),
    whole_account: z
      .boolean()
      .meta({ description: 'All sessions of the account ended, and the app was told of them by one token.' }),
    client_id: z.string(),
    account_id: z.string(),
    grant_id: z
      .string()
      .nullable()
      .meta({ description: 'The grant that ended while the session goes on; null: the session ended.' }),
    cause: z.string(),
    state: z.enum(['waiting', 'retrying', 'delivered', 'failed']),
    attempts: z.int(),
    created_at: moment,
    last_attempt_at: moment.nullable(),
    last_status: z.int().nullable(),
    last_error: z.string().nullable(),
    next_attempt_at: moment.nullable(),
    finished_at: moment.nullable(),
  })
  .meta({ id: 'LogoutNotification' })

/** A guard of an API, and how far it has come. */
export const guardShape = z.object({
  client_id: z.string(),
  instance: z.string(),
  sequence: z.int(),
  acknowledged_at: moment,
  applied: z.boolean().meta({ description: 'It refuses what was ended here.' }),
  silent: z.boolean().meta({ description: 'It was not heard for a minute and a half: it was stopped, or is cut off.' }),
})

/** What a session has besides itself. */
export const sessionTreeShape = {
  grants: z.array(grantShape).nullable().meta({ description: 'Null for those who may not see grants.' }),
  revocations: z.array(revocationShape).nullable().meta({ description: 'Null for those who may not see tokens.' }),
  logout_notifications: z.array(notificationShape),
  guards: z.array(guardShape).nullable().meta({ description: 'Null for those who may not see tokens.' }),
}

/** Shows a tree: each part to those who could ask for it by itself. */
export function showTree(
  { grants, revocations, notifications, guards }: SessionTree,
  may: (rule: AccessRule) => boolean,
): object {
  const seesTokens = may(ACCESS.tokens.read)
  return {
    grants: may(ACCESS.grants.read) ? grants.map(showGrant) : null,
    revocations: seesTokens ? revocations.map(showRevocation) : null,
    logout_notifications: notifications.map(showNotification),
    guards: seesTokens ? guards.map(showGuard) : null,
  }
}

/** Shows a guard. */
export function showGuard({
  clientId,
  instance,
  sequence,
  acknowledgedAt,
  applied,
  silent,
}: GuardNode): z.input<typeof guardShape> {
  return { client_id: clientId, instance, sequence, acknowledged_at: acknowledgedAt.toISOString(), applied, silent }
}

/** Shows a grant. */
export function showGrant(grant: GrantNode): z.input<typeof grantShape> {
  return {
    id: grant.id,
    account: showOwner(grant.account),
    client: { id: grant.client.id, name: grant.client.name },
    session_id: grant.sessionId ?? null,
    scopes: [...grant.scopes],
    resources: Object.fromEntries(Object.entries(grant.resources).map(([identifier, scopes]) => [identifier, [...scopes]])),
    created_at: grant.createdAt.toISOString(),
    expires_at: grant.expiresAt.toISOString(),
    live: grant.live,
    state: grant.state,
    ended_at: text(grant.endedAt),
    end_reason: grant.endReason ?? null,
    access_tokens_until: grant.accessTokensUntil.toISOString(),
    refresh_families: grant.families.map((family) => ({
      generation: family.generation,
      session_bound: family.sessionBound,
      live: family.live,
      created_at: family.createdAt.toISOString(),
      rotated_at: text(family.rotatedAt),
      idle_expires_at: family.idleExpiresAt.toISOString(),
      absolute_expires_at: family.absoluteExpiresAt.toISOString(),
      ended_at: text(family.endedAt),
      end_reason: family.endReason ?? null,
    })),
  }
}

/** Shows a revocation. */
export function showRevocation({
  sequence,
  kind,
  value,
  before,
  until,
  reason,
  createdAt,
}: LiveRevocation): z.input<typeof revocationShape> {
  return { sequence, kind, value, before: text(before), until: until.toISOString(), reason, created_at: createdAt.toISOString() }
}

/** Shows a notification. */
export function showNotification(told: LogoutNotification): z.input<typeof notificationShape> {
  return {
    id: told.id,
    session_id: told.sessionId,
    whole_account: told.accountEndedAt !== undefined,
    client_id: told.clientId,
    account_id: told.accountId,
    grant_id: told.grantId ?? null,
    cause: told.cause,
    state: told.state,
    attempts: told.attempts,
    created_at: told.createdAt.toISOString(),
    last_attempt_at: text(told.lastAttemptAt),
    last_status: told.lastStatus ?? null,
    last_error: told.lastError ?? null,
    next_attempt_at: text(told.nextAttemptAt),
    finished_at: text(told.finishedAt),
  }
}

function text(date: Date | undefined): string | null {
  return date?.toISOString() ?? null
}

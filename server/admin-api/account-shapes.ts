// How accounts are shown, and what is said when one cannot be changed as asked.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { type AccessRule, ROLES } from '../../config/roles.ts'
import type { AccountPreview } from '../accounts/account-preview.ts'
import type { AccountDetails, AccountItem } from '../accounts/account-search.ts'
import { AccountOutOfReach, AccountRefused, AccountUnknown } from '../accounts/account-standing.ts'
import { StaleAccount } from '../accounts/account-version.ts'
import { EmailTaken, InvalidAccount } from '../accounts/accounts.ts'
import type { PasswordLink } from '../accounts/password-links.ts'
import { profileClaims } from '../accounts/profile-claims.ts'
import { HttpProblem } from '../http/problems.ts'
import { moment, notFound, outOfReach, refused, staleVersion } from './shapes.ts'

/** An account in a list. */
export const accountShape = z
  .object({
    id: z.string().meta({ example: 'acc_9QxJ…' }),
    email: z.string(),
    email_verified: z.boolean(),
    name: z.string().nullable(),
    roles: z.array(z.string()),
    status: z.enum(['active', 'suspended']),
    has_password: z.boolean(),
    password_set_at: moment.nullable(),
    last_signed_in_at: moment.nullable().meta({ description: 'Null: never.' }),
    managed_by: z.string().nullable().meta({ description: '`provision` or `demo`, when a file or the demo made it.' }),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: 'Account' })

const linkFacts = { expires_at: moment, mailed: z.boolean() }

/** A link that was just made. */
export const passwordLinkShape = z
  .object({
    url: z.string().nullable().meta({ description: 'For the person; it is shown this once. Null: it was mailed.' }),
    ...linkFacts,
  })
  .meta({ id: 'PasswordLink' })

const COUNTED = 'Live ones; no more than 10,000 are counted. Null for those who may not see'

/** An account with all that is known of it. */
export const accountDetailsShape = accountShape
  .extend({
    profile: profileClaims,
    sessions: z
      .int()
      .nullable()
      .meta({ description: `${COUNTED} sessions.` }),
    grants: z
      .int()
      .nullable()
      .meta({ description: `${COUNTED} grants.` }),
    consents: z
      .array(
        z.object({
          client: z.object({ id: z.string(), name: z.string() }),
          scopes: z.array(z.string()),
          resources: z.record(z.string(), z.array(z.string())),
          given_at: moment,
        }),
      )
      .nullable()
      .meta({ description: 'Null for those who may not see grants.' }),
    lockout: z
      .object({
        until: moment.nullable().meta({ description: 'Attempts have to wait until then; null: they do not.' }),
        counts: z.array(
          z.object({
            what: z.enum(['sign_in', 'sign_in_from_known_place', 'password_change']),
            failures: z.int(),
            until: moment.nullable(),
          }),
        ),
      })
      .meta({ description: 'Attempts that failed in a row.' }),
    password_link: z.object(linkFacts).nullable().meta({ description: 'A link to set a password that is still good.' }),
  })
  .meta({ id: 'AccountDetails' })

/** What would end. */
export const accountPreviewShape = z
  .object({
    dry_run: z.literal(true),
    sessions: z.int(),
    grants: z.int(),
    refresh_families: z.int(),
    logout_notifications: z.int(),
    devices: z
      .array(z.object({ session_id: z.string(), device: z.string(), address: z.string().nullable(), last_active_at: moment }))
      .nullable()
      .meta({ description: 'Some of them; null for those who may not see sessions.' }),
    clients: z
      .array(z.object({ id: z.string(), name: z.string() }))
      .nullable()
      .meta({ description: 'Some of them; null for those who may not see both sessions and grants.' }),
  })
  .meta({ id: 'AccountPreview' })

/** Roles that are given. */
export const rolesAsked = z
  .array(z.enum(ROLES, `it must be one of ${ROLES.join(', ')}`), 'it must be a list')
  .refine((roles) => new Set(roles).size === roles.length, 'it must not name a role twice')

export function showAccount(item: AccountItem): z.input<typeof accountShape> {
  const { id, email, emailVerified, name, roles, status, passwordSetAt, lastSignedInAt, managedBy, createdAt, updatedAt } = item
  return {
    id,
    email,
    email_verified: emailVerified,
    name: name ?? null,
    roles: [...roles],
    status,
    has_password: passwordSetAt !== undefined,
    password_set_at: passwordSetAt?.toISOString() ?? null,
    last_signed_in_at: lastSignedInAt?.toISOString() ?? null,
    managed_by: managedBy ?? null,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  }
}

/** Shows an account: of what it has, that which the one who asks could ask for by itself. */
export function showDetails(account: AccountDetails, may: (rule: AccessRule) => boolean): z.input<typeof accountDetailsShape> {
  const { profile, sessions, grants, consents, lockout, passwordLink } = account
  const seesGrants = may(ACCESS.grants.read)
  return {
    ...showAccount(account),
    profile: profile as z.input<typeof profileClaims>,
    sessions: may(ACCESS.sessions.read) ? sessions : null,
    grants: seesGrants ? grants : null,
    consents: seesGrants ? consents.map(showConsent) : null,
    lockout: {
      until: lockout.until?.toISOString() ?? null,
      counts: lockout.counts.map((count) => ({ ...count, until: count.until?.toISOString() ?? null })),
    },
    password_link:
      passwordLink === undefined ? null : { expires_at: passwordLink.expiresAt.toISOString(), mailed: passwordLink.mailed },
  }
}

function showConsent({ clientId, clientName, openid, resources, givenAt }: AccountDetails['consents'][number]) {
  return {
    client: { id: clientId, name: clientName },
    scopes: [...openid],
    resources: Object.fromEntries(Object.entries(resources).map(([identifier, scopes]) => [identifier, [...scopes]])),
    given_at: givenAt.toISOString(),
  }
}

export function showLink({ url, mailed, expiresAt }: PasswordLink): z.input<typeof passwordLinkShape> {
  return { url: url ?? null, mailed, expires_at: expiresAt.toISOString() }
}

/** What it counts is for whoever may end it; what it names only for those who may see it by itself. */
export function showPreview(preview: AccountPreview, may: (rule: AccessRule) => boolean): z.input<typeof accountPreviewShape> {
  const seesSessions = may(ACCESS.sessions.read)
  const { refreshFamilies, logoutNotifications, devices, clients, ...counts } = preview
  return {
    dry_run: true,
    ...counts,
    refresh_families: refreshFamilies,
    logout_notifications: logoutNotifications,
    devices: seesSessions
      ? devices.map(({ sessionId, device, address, lastUsedAt }) => ({
          session_id: sessionId,
          device,
          address: address ?? null,
          last_active_at: lastUsedAt.toISOString(),
        }))
      : null,
    // Of sessions and of grants both.
    clients: seesSessions && may(ACCESS.grants.read) ? [...clients] : null,
  }
}

/** Does something with an account; what its rules do not allow is told in the API's words. @throws HttpProblem */
export async function byTheRules<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw problemOfAccount(error)
  }
}

function problemOfAccount(error: unknown): unknown {
  if (error instanceof AccountUnknown) return notFound('account')
  if (error instanceof AccountOutOfReach) return outOfReach(error.message, error)
  if (error instanceof StaleAccount) return staleVersion('account')
  if (error instanceof AccountRefused || error instanceof EmailTaken) return refused(error.message, error)
  if (error instanceof InvalidAccount) {
    return new HttpProblem(400, 'Not what was expected', sentence(error.message), { type: 'invalid-request', cause: error })
  }
  return error
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

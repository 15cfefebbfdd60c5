// What happens to an account: suspended, reinstated, contained, deleted; its password set anew by a link; unlocked.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { AccountEvents } from '../accounts/account-events.ts'
import type { AccountLocks } from '../accounts/account-locks.ts'
import type { AccountPreview } from '../accounts/account-preview.ts'
import type { PasswordLinks } from '../accounts/password-links.ts'
import { accountPreviewShape, byTheRules, passwordLinkShape, showLink, showPreview } from './account-shapes.ts'
import { type ApiRoute, type ApiRouteFacts, route } from './route.ts'
import { ended, name, notFound, reason } from './shapes.ts'

/** What the routes call. */
export interface AccountEndRoutesDeps {
  readonly events: Pick<AccountEvents, 'suspend' | 'reinstate' | 'contain' | 'delete' | 'check'>
  readonly links: Pick<PasswordLinks, 'issue'>
  readonly locks: Pick<AccountLocks, 'unlock'>
  /** What would end; undefined when there is no such account. */
  readonly preview: (accountId: string) => Promise<AccountPreview | undefined>
}

const id = z.strictObject({ id: name })
const flag = z.boolean('it must be true or false').default(false)

/** Makes the routes. */
export function accountEndRoutes(deps: AccountEndRoutesDeps): ApiRoute[] {
  return [
    endRoute(deps, 'delete', {
      method: 'delete',
      path: '/accounts/:id',
      name: 'deleteAccount',
      summary: 'Delete an account: all that it has ends, and what is known of the person is erased',
      description: 'The audit log keeps the id, which is never given again.',
      access: ACCESS.accounts.delete,
    }),
    endRoute(deps, 'suspend', {
      method: 'post',
      path: '/accounts/:id/suspension',
      name: 'suspendAccount',
      summary: 'Suspend an account: all that it has ends, and nobody can sign in to it',
      access: ACCESS.accounts.stop,
    }),
    reinstateRoute(deps),
    endRoute(deps, 'contain', {
      method: 'post',
      path: '/accounts/:id/containment',
      name: 'containAccount',
      summary: 'Contain an account that somebody else may be using',
      description:
        'All that it has ends, and its password opens nothing any more. The person comes back by a link to set a new one (`password-reset`).',
      access: ACCESS.accounts.stop,
    }),
    passwordResetRoute(deps),
    unlockRoute(deps),
  ]
}

/** A route that ends all that an account has, or only says what that is. */
function endRoute(
  { events, preview }: AccountEndRoutesDeps,
  deed: 'suspend' | 'contain' | 'delete',
  facts: Pick<ApiRouteFacts, 'method' | 'path' | 'name' | 'summary' | 'description' | 'access'>,
): ApiRoute {
  return route({
    ...facts,
    tag: 'Accounts',
    params: id,
    body: z.strictObject({ dry_run: flag.meta({ description: 'Only says what would end.' }), reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'What was ended, or would be.', schema: z.union([accountPreviewShape, ended]) } },
    async handle({ params, body, change, may }) {
      if (!body.dry_run) return { body: await byTheRules(() => events[deed](params.id, change(body.reason))) }
      await byTheRules(() => events.check(deed, params.id, change(body.reason)))
      const found = await preview(params.id)
      if (found === undefined) throw notFound('account')
      return { body: showPreview(found, may) }
    },
  })
}

function reinstateRoute({ events }: AccountEndRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/accounts/:id/suspension',
    name: 'reinstateAccount',
    tag: 'Accounts',
    summary: 'Let the person of a suspended account sign in again',
    description: 'Nothing that was ended comes back.',
    access: ACCESS.accounts.stop,
    params: id,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'Nothing was ended.', schema: ended } },
    handle: async ({ params, body, change }) => ({
      body: await byTheRules(() => events.reinstate(params.id, change(body.reason))),
    }),
  })
}

function passwordResetRoute({ links }: AccountEndRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/accounts/:id/password-reset',
    name: 'resetPassword',
    tag: 'Accounts',
    summary: 'Make a one-time link by which the person sets a new password',
    description:
      'The password that there is stays good until the link is used, so that nobody is kept out by a link that they did not ask for; then all that the account has ends. Where that cannot wait: `end_sessions`, `force_change`, or containment. To be shown the link takes the role owner or operator: helpdesk has it mailed (`send_mail`), and so has an operator that of an account whose roles may do what they may not. A link before it is good for nothing any more.',
    access: ACCESS.accounts.help,
    params: id,
    body: z.strictObject({
      send_mail: flag.meta({ description: 'The link is mailed to the person, and not shown.' }),
      end_sessions: flag.meta({
        description: 'All that the account has ends now. It takes what ending sessions takes (`sessions:revoke`).',
      }),
      force_change: flag.meta({
        description:
          'The password that there is lets nobody in from now on, so that the person has to set another one. It takes what containing an account takes, and is refused for the last owner.',
      }),
      reason,
    }),
    bodyOptional: true,
    outcomes: {
      201: { description: 'The link, and what was ended.', schema: z.object({ password_link: passwordLinkShape, ended }) },
    },
    async handle({ params, body, change, insist }) {
      // A link is a secret: whoever has it gets in.
      if (!body.send_mail) insist(ACCESS.accounts.seeLinks)
      // To help somebody in is not to end what they have.
      if (body.end_sessions) insist(ACCESS.sessions.revoke)
      if (body.force_change) insist(ACCESS.accounts.stop)
      const request = {
        accountId: params.id,
        way: body.send_mail ? ('mailed' as const) : ('shown' as const),
        endSessions: body.end_sessions,
        forceChange: body.force_change,
      }
      const { link, ended: whatEnded } = await byTheRules(() => links.issue(request, change(body.reason)))
      return { status: 201, body: { password_link: showLink(link), ended: whatEnded } }
    },
  })
}

function unlockRoute({ locks }: AccountEndRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/accounts/:id/lockout',
    name: 'unlockAccount',
    tag: 'Accounts',
    summary: 'Forget the failures that slow sign-ins to an account down',
    access: ACCESS.accounts.help,
    params: id,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: {
      200: {
        description: 'Done.',
        schema: z.object({ forgotten: z.int().meta({ description: 'How many counts of failures there were.' }) }),
      },
    },
    handle: async ({ params, body, change }) => ({
      body: { forgotten: await byTheRules(() => locks.unlock(params.id, change(body.reason))) },
    }),
  })
}

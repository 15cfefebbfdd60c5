// Logout notifications: which apps were told that a session is over for them, which were not, and another try for those.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Cursors } from '../http/cursors.ts'
import {
  LOGOUT_NOTIFICATION_STATES,
  type LogoutNotification,
  type LogoutNotifications,
} from '../logout-notifications/logout-notifications.ts'
import { type ApiRoute, route } from './route.ts'
import { notificationShape, showNotification } from './session-tree.ts'
import { name, notFound, pageOf, paging, readPage, reason, refused } from './shapes.ts'

/** What the routes call. */
export interface LogoutNotificationRoutesDeps {
  readonly cursors: Cursors
  readonly notifications: Pick<LogoutNotifications, 'list' | 'find' | 'retry'>
  /** The id of the account that an id or an e-mail address names. */
  readonly ownerIdOf: (name: string) => Promise<string | undefined>
}

const filters = {
  session: name.optional().meta({ description: 'A session, by its id.' }),
  client: name.optional().meta({ description: 'A client, by its client_id.' }),
  account: name.optional().meta({ description: 'An account, by its id or e-mail address.' }),
  state: z.enum(LOGOUT_NOTIFICATION_STATES, `it must be one of ${LOGOUT_NOTIFICATION_STATES.join(', ')}`).optional(),
}

/** Makes the routes. */
export function logoutNotificationRoutes(deps: LogoutNotificationRoutesDeps): ApiRoute[] {
  return [listRoute(deps), attemptRoute(deps)]
}

function listRoute({ cursors, notifications, ownerIdOf }: LogoutNotificationRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/logout-notifications',
    name: 'listLogoutNotifications',
    tag: 'Logout notifications',
    summary: 'Which apps were told of which ends, the latest first',
    description: 'They are kept until 7 days after their outcome.',
    access: ACCESS.sessions.read,
    query: z.strictObject({ ...filters, ...paging }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(notificationShape) } },
    async handle({ query: { limit, cursor, session, client, account, state } }) {
      const accountId = account === undefined ? undefined : await ownerIdOf(account)
      if (account !== undefined && accountId === undefined) return { body: { items: [], next_cursor: null } }
      const filter = {
        ...(session === undefined ? {} : { sessionId: session }),
        ...(client === undefined ? {} : { clientId: client }),
        ...(accountId === undefined ? {} : { accountId }),
        ...(state === undefined ? {} : { state }),
      }
      const body = await readPage<LogoutNotification>({
        cursors,
        list: `logout notifications ${JSON.stringify(filter)}`,
        limit,
        cursor,
        read: (most, after) =>
          notifications.list({
            ...filter,
            limit: most,
            ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
          }),
        placeOf: ({ createdAt, id }) => [createdAt.getTime(), id],
        show: showNotification,
      })
      return { body }
    },
  })
}

function attemptRoute({ notifications }: LogoutNotificationRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/logout-notifications/:id/attempts',
    name: 'retryLogoutNotification',
    tag: 'Logout notifications',
    summary: 'Tell an app again, at once and for another day',
    description: 'One that was tried a moment ago, or is about to be, is left as it is.',
    access: ACCESS.sessions.revoke,
    params: z.strictObject({ id: name }),
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 202: { description: 'How it stands.', schema: notificationShape } },
    async handle({ params, body, change }) {
      const retried = await notifications.retry(params.id, change(body.reason))
      const found = await notifications.find(params.id)
      if (found === undefined) throw notFound('notification')
      if (!retried && found.state === 'delivered') throw refused('the app has been told')
      return { status: 202, body: showNotification(found) }
    },
  })
}

// The mailbox of development as pages. There is none in production, and none where mail is sent.
import Router from '@koa/router'
import type { Middleware } from 'koa'
import { mailboxPage, mailPage } from '../../views/dev-mail/mailbox.ts'
import { HttpProblem } from '../http/problems.ts'
import { render } from '../http/render.ts'
import { routesOf } from '../http/routes.ts'

/** Where it is. */
export const DEV_MAIL_PATH = '/dev/mail'

/** A mail in it. */
export interface KeptMail {
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly createdAt: Date
}

/** Makes the routes; `list` gives all mail there is, the newest first. */
export function createDevMail({ list }: { readonly list: () => Promise<readonly KeptMail[]> }): Middleware {
  const router = new Router({ prefix: DEV_MAIL_PATH })
  router.get('/', async (ctx) => render(ctx, mailboxPage({ mails: await list() })))
  router.get('/:id', async (ctx) => {
    const mail = (await list()).find(({ id }) => id === ctx.params.id)
    if (mail === undefined) throw new HttpProblem(404, 'There is no such mail', 'Only the last ones are kept.')
    render(ctx, mailPage(mail))
  })
  return routesOf(router)
}

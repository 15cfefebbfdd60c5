// What stops an account in the console, and what undoes it: containment, suspension, deletion, reinstatement. Each asks first, shows
// what would end, and wants a reason.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import type { AccessRule } from '../../config/roles.ts'
import { type AccountStop, accountStop } from '../../views/admin-console/account-forms.ts'
import type { AccountEvents } from '../accounts/account-events.ts'
import type { AccountPreview } from '../accounts/account-preview.ts'
import type { AccountSearch } from '../accounts/account-search.ts'
import type { Form } from '../http/form.ts'
import { ACCOUNTS_PATH, accountHref, accountOf, endedWords, faultOf } from './account-page.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'

/** What the pages call. */
export interface AccountStopPagesDeps {
  readonly search: Pick<AccountSearch, 'find'>
  readonly events: Pick<AccountEvents, 'suspend' | 'reinstate' | 'contain' | 'delete'>
  /** What would end; undefined when there is no such account. */
  readonly preview: (accountId: string) => Promise<AccountPreview | undefined>
}

interface Stop {
  readonly name: AccountStop
  readonly access: AccessRule
  readonly event: keyof AccountStopPagesDeps['events']
  /** What is said when it is done. */
  readonly done: string
}

const STOPS: readonly Stop[] = [
  { name: 'containment', access: ACCESS.accounts.stop, event: 'contain', done: 'The account is contained.' },
  { name: 'suspension', access: ACCESS.accounts.stop, event: 'suspend', done: 'The account is suspended.' },
  { name: 'deletion', access: ACCESS.accounts.delete, event: 'delete', done: 'The account is deleted.' },
  { name: 'reinstatement', access: ACCESS.accounts.stop, event: 'reinstate', done: 'The person can sign in again.' },
]

/** Makes the pages. */
export function accountStopPages(deps: AccountStopPagesDeps): ConsoleRoute[] {
  return STOPS.flatMap((stop): ConsoleRoute[] => {
    const path = `/accounts/:id/${stop.name}`
    const { access } = stop
    return [
      {
        method: 'get',
        path,
        access,
        fresh: true,
        handle: (ctx, visit) =>
          askFirst(deps, ctx, visit, { stop, reason: typeof ctx.query.reason === 'string' ? ctx.query.reason : '' }),
      },
      {
        method: 'post',
        path,
        access,
        fresh: true,
        back: (ctx, form) => listHref(ctx.path, { reason: form.get('reason') }),
        handle: (ctx, visit, form) => doIt(deps, ctx, visit, { stop, form }),
      },
    ]
  })
}

async function askFirst(
  deps: AccountStopPagesDeps,
  ctx: Context,
  visit: ConsoleVisit,
  { stop, reason, fault }: { readonly stop: Stop; readonly reason: string; readonly fault?: string },
): Promise<void> {
  const { id, email } = await accountOf(deps.search, ctx)
  const preview = stop.event === 'reinstate' ? undefined : await deps.preview(id)
  const body = accountStop({
    ...{ id, email, stop: stop.name, csrf: visit.csrf, reason },
    ...(preview === undefined ? {} : { preview }),
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: `Account ${email}`, section: ACCOUNTS_PATH, body }, fault === undefined ? 200 : 409)
}

async function doIt(
  deps: AccountStopPagesDeps,
  ctx: Context,
  visit: ConsoleVisit,
  { stop, form }: { readonly stop: Stop; readonly form: Form },
): Promise<void> {
  const { id } = await accountOf(deps.search, ctx)
  const reason = form.get('reason').trim()
  if (reason === '') return askFirst(deps, ctx, visit, { stop, reason })
  try {
    const ended = await deps.events[stop.event](id, visit.change(reason))
    const told = stop.event === 'reinstate' ? '' : ` ${endedWords(ended)}`
    redirectWithNotice(ctx, stop.event === 'delete' ? ACCOUNTS_PATH : accountHref(id), `${stop.done}${told}`)
  } catch (error) {
    await askFirst(deps, ctx, visit, { stop, reason, fault: faultOf(error) })
  }
}

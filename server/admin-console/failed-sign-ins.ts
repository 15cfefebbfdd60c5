// Sign-ins that failed in the console, and what has to wait for it: an account, or what is no account's.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isAddress } from '../../config/network.ts'
import { isStorable } from '../../config/plain-text.ts'
import { blockList, failedSignInList } from '../../views/admin-console/failed-sign-ins.ts'
import { throttlePart } from '../../views/admin-console/throttles.ts'
import { type FailedSignIn, type FailedSignInFilter, type FailedSignIns, SIGN_IN_REFUSALS } from '../accounts/failed-sign-ins.ts'
import type { SignInBlock, SignInBlocks } from '../accounts/sign-in-blocks.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Throttles } from '../throttles/throttles.ts'
import { faultOf } from './account-page.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { type Asked, chipsOf, momentOf, readFields, readRows, timeFaultOf } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { firstThrottles, throttlePages } from './throttles.ts'

/** What the pages call. */
export interface FailedSignInPagesDeps {
  readonly cursors: Cursors
  readonly failedSignIns: FailedSignIns
  readonly blocks: SignInBlocks
  readonly throttles: Throttles
  /** The id of the account that an id or an e-mail address names. */
  readonly accountIdOf: (name: string) => Promise<string | undefined>
}

const PATH = '/admin/failed-sign-ins'
const BLOCKS_PATH = '/admin/blocks'

const LABELS = {
  account: 'Account',
  ip: 'Address',
  subject: 'No account’s',
  reason: 'Why',
  since: 'Since',
  before: 'Before',
}

/** Makes the pages. */
export function failedSignInPages(deps: FailedSignInPagesDeps): ConsoleRoute[] {
  const { failedSignIns, read, help } = ACCESS.accounts
  return [
    { method: 'get', path: '/failed-sign-ins', access: failedSignIns, handle: (ctx, visit) => showFailures(deps, ctx, visit) },
    { method: 'get', path: '/blocks', access: read, handle: (ctx, visit) => showBlocks(deps, ctx, visit) },
    {
      method: 'post',
      path: '/blocks/:id/lifting',
      access: help,
      back: () => BLOCKS_PATH,
      async handle(ctx, visit) {
        const lifting = deps.blocks.lift(String(ctx.params.id), visit.change())
        const saying = (lifted: boolean) => (lifted ? 'The next attempt need not wait.' : 'There was nothing left to lift.')
        redirectWithNotice(ctx, BLOCKS_PATH, await lifting.then(saying, faultOf))
      },
    },
    ...throttlePages(deps),
  ]
}

async function showFailures(deps: FailedSignInPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(LABELS))
  const { filter, fault } = twice ?? (await filterOf(asked, deps.accountIdOf))
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const page =
    filter === undefined
      ? { rows: [] }
      : await readRows<FailedSignIn>({
          ...{ cursors: deps.cursors, path: PATH, asked, cursor },
          read: (limit, after) =>
            deps.failedSignIns.page({ filter, limit, ...(after === undefined ? {} : { after: String(after[0]) }) }),
          placeOf: ({ id }) => [id],
        })
  const { rows: failures, ...hrefs } = page
  // They are of the last days and of every reason, so they say nothing of a list that asks for others.
  const counts = filter !== undefined && cursor === undefined && hasCounts(asked)
  const body = failedSignInList({
    failures,
    ...hrefs,
    asked,
    chips: chipsOf(PATH, asked, LABELS),
    reasons: SIGN_IN_REFUSALS,
    ...(counts ? { counts: await deps.failedSignIns.counts(filter) } : {}),
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: 'Failed sign-ins', section: PATH, body }, fault === undefined ? 200 : 400)
}

function hasCounts({ reason, since, before }: Asked): boolean {
  return [reason, since, before].every((value) => value === undefined)
}

/** The filter that was filled in; or what is wrong with it. Neither, when it asks for an account that is not there. */
async function filterOf(
  { account, ip, subject, reason, since, before }: Asked,
  accountIdOf: FailedSignInPagesDeps['accountIdOf'],
): Promise<{ readonly filter?: FailedSignInFilter; readonly fault?: string }> {
  if ([account, subject].some((text) => text !== undefined && (!isStorable(text) || text.length > 300)))
    return { fault: 'A field holds what no such name can hold.' }
  if (ip !== undefined && !isAddress(ip)) return { fault: 'The address must be one such as 192.0.2.7.' }
  const why = SIGN_IN_REFUSALS.find((one) => one === reason)
  if (reason !== undefined && why === undefined) return { fault: 'There is no such reason.' }
  const [from, until] = [since, before].map((text) => (text === undefined ? undefined : momentOf(text)))
  const fault = timeFaultOf({ moments: [since, before] })
  if (fault !== undefined) return { fault }
  const accountId = account === undefined ? undefined : await accountIdOf(account)
  if (account !== undefined && accountId === undefined) return {}
  const wanted = { accountId, address: ip, subject, reason: why, since: from, before: until }
  return { filter: Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) }
}

async function showBlocks(deps: FailedSignInPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { rows: blocks, ...hrefs } = await readRows<SignInBlock>({
    ...{ cursors: deps.cursors, path: BLOCKS_PATH, asked: {}, cursor },
    read: (limit, after) =>
      deps.blocks.page({
        limit,
        ...(after === undefined ? {} : { after: { until: new Date(Number(after[0])), id: String(after[1]) } }),
      }),
    placeOf: ({ until, id }) => [until.getTime(), id],
  })
  const body = blockList({
    blocks,
    ...hrefs,
    ...(visit.may(ACCESS.accounts.help) ? { csrf: visit.csrf } : {}),
    throttles: throttlePart(await firstThrottles(deps.throttles, visit)),
  })
  visit.show({ title: 'Blocks', section: BLOCKS_PATH, body })
}

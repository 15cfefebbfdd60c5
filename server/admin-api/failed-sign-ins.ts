// Sign-ins that failed, and what is slowed down for it.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { isAddress } from '../../config/network.ts'
import { type FailedSignIn, type FailedSignIns, type FailureBucket, SIGN_IN_REFUSALS } from '../accounts/failed-sign-ins.ts'
import type { SignInBlock, SignInBlocks } from '../accounts/sign-in-blocks.ts'
import type { Cursors } from '../http/cursors.ts'
import { byTheRules } from './account-shapes.ts'
import { type ApiRoute, route } from './route.ts'
import { moment, momentAsked, name, notFound, pageOf, paging, readPage, reason } from './shapes.ts'

/** What the routes call. */
export interface FailedSignInRoutesDeps {
  readonly cursors: Cursors
  readonly failedSignIns: FailedSignIns
  readonly blocks: SignInBlocks
  /** The id of the account that an id or an e-mail address names. */
  readonly accountIdOf: (name: string) => Promise<string | undefined>
}

const filters = {
  account: name.optional().meta({ description: 'An account, by its id or e-mail address.' }),
  subject: name.optional().meta({ description: 'What `subject` says of an address that is no account’s.' }),
  ip: z.string().refine(isAddress, 'it must be an address such as 192.0.2.7').optional().meta({ description: 'An address.' }),
}

const person = z.object({ id: z.string(), email: z.string(), name: z.string().nullable() })

const failedSignInShape = z
  .object({
    id: z.string(),
    at: moment,
    reason: z
      .string()
      .nullable()
      .meta({ description: `One of ${SIGN_IN_REFUSALS.join(', ')}.` }),
    account: person.nullable().meta({ description: 'Null: no account has the address that was typed.' }),
    subject: z
      .string()
      .nullable()
      .meta({ description: 'Of an address that is no account’s, which is not kept: the same for each try with the same one.' }),
    address: z.string().nullable(),
    user_agent: z.string().nullable(),
    request_id: z.string().nullable(),
  })
  .meta({ id: 'FailedSignIn' })

const bucketShape = z.object({
  at: moment.meta({ description: 'When the hour or the day began (UTC).' }),
  count: z.int(),
  reasons: z.record(z.string(), z.int()),
})

const blockShape = z
  .object({
    id: z.string().meta({ description: 'The `subject` of the sign-ins that failed.' }),
    what: z.enum(['sign_in', 'sign_in_from_known_place', 'password_change']).nullable(),
    account: person.nullable().meta({ description: 'Null: what was typed is no account’s address.' }),
    failures: z.int(),
    until: moment.meta({ description: 'The next attempt has to wait until then.' }),
  })
  .meta({ id: 'Block' })

/** Makes the routes. */
export function failedSignInRoutes(deps: FailedSignInRoutesDeps): ApiRoute[] {
  return [listRoute(deps), countsRoute(deps), blocksRoute(deps), liftRoute(deps)]
}

function listRoute({ cursors, failedSignIns, accountIdOf }: FailedSignInRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/failed-sign-ins',
    name: 'listFailedSignIns',
    tag: 'Sign-ins',
    summary: 'List sign-ins that failed, the latest first',
    access: ACCESS.accounts.failedSignIns,
    query: z.strictObject({
      ...filters,
      reason: z.enum(SIGN_IN_REFUSALS, `it must be one of ${SIGN_IN_REFUSALS.join(', ')}`).optional(),
      since: momentAsked.optional().meta({ description: 'At that time or later.' }),
      before: momentAsked.optional().meta({ description: 'Before that time.' }),
      ...paging,
    }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(failedSignInShape) } },
    async handle({ query: { limit, cursor, ...asked } }) {
      const filter = await filterOf(asked, accountIdOf)
      if (filter === undefined) return { body: { items: [], next_cursor: null } }
      const body = await readPage<FailedSignIn>({
        cursors,
        list: `failed sign-ins ${JSON.stringify(filter)}`,
        limit,
        cursor,
        read: (most, after) =>
          failedSignIns.page({
            filter,
            limit: most,
            ...(after === undefined ? {} : { after: String(after[0]) }),
          }),
        placeOf: ({ id }) => [id],
        show: showFailure,
      })
      return { body }
    },
  })
}

function countsRoute({ failedSignIns, accountIdOf }: FailedSignInRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/failed-sign-ins/counts',
    name: 'countFailedSignIns',
    tag: 'Sign-ins',
    summary: 'How many sign-ins failed: by the hour for 24 hours, by the day for 7 days',
    access: ACCESS.accounts.failedSignIns,
    query: z.strictObject(filters),
    outcomes: {
      200: { description: 'The earliest first.', schema: z.object({ hours: z.array(bucketShape), days: z.array(bucketShape) }) },
    },
    async handle({ query }) {
      const filter = await filterOf(query, accountIdOf)
      if (filter === undefined) throw notFound('account')
      const { hours, days } = await failedSignIns.counts(filter)
      return { body: { hours: hours.map(showBucket), days: days.map(showBucket) } }
    },
  })
}

function blocksRoute({ cursors, blocks }: FailedSignInRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/blocks',
    name: 'listBlocks',
    tag: 'Sign-ins',
    summary: 'What is slowed down now after sign-ins that failed, the longest first',
    access: ACCESS.accounts.read,
    query: z.strictObject(paging),
    outcomes: { 200: { description: 'A page.', schema: pageOf(blockShape) } },
    async handle({ query: { limit, cursor } }) {
      const body = await readPage<SignInBlock>({
        cursors,
        list: 'blocks',
        limit,
        cursor,
        read: (most, after) =>
          blocks.page({
            limit: most,
            ...(after === undefined ? {} : { after: { until: new Date(Number(after[0])), id: String(after[1]) } }),
          }),
        placeOf: ({ until, id }) => [until.getTime(), id],
        show: showBlock,
      })
      return { body }
    },
  })
}

function liftRoute({ blocks }: FailedSignInRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/blocks/:id',
    name: 'liftBlock',
    tag: 'Sign-ins',
    summary: 'Forget the failures for which something is slowed down',
    access: ACCESS.accounts.help,
    params: z.strictObject({ id: name }),
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'Done.', schema: z.object({ forgotten: z.int() }) } },
    async handle({ params, body, change }) {
      if (!(await byTheRules(() => blocks.lift(params.id, change(body.reason))))) throw notFound('block')
      return { body: { forgotten: 1 } }
    },
  })
}

/** Undefined when it asks for an account that is not there. */
async function filterOf<Asked extends { readonly account?: string | undefined; readonly ip?: string | undefined }>(
  { account, ip, ...rest }: Asked,
  accountIdOf: FailedSignInRoutesDeps['accountIdOf'],
) {
  const accountId = account === undefined ? undefined : await accountIdOf(account)
  if (account !== undefined && accountId === undefined) return undefined
  const wanted = { ...rest, accountId, address: ip }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
}

function showPerson(account: FailedSignIn['account']): z.input<typeof person> | null {
  return account === undefined ? null : { ...account, name: account.name ?? null }
}

function showFailure(failure: FailedSignIn): z.input<typeof failedSignInShape> {
  return {
    id: failure.id,
    at: failure.at.toISOString(),
    reason: failure.reason ?? null,
    account: showPerson(failure.account),
    subject: failure.subject ?? null,
    address: failure.address ?? null,
    user_agent: failure.userAgent ?? null,
    request_id: failure.requestId ?? null,
  }
}

function showBucket({ at, count, reasons }: FailureBucket): z.input<typeof bucketShape> {
  return { at: at.toISOString(), count, reasons: { ...reasons } }
}

function showBlock({ id, what, account, failures, until }: SignInBlock): z.input<typeof blockShape> {
  return { id, what: what ?? null, account: showPerson(account), failures, until: until.toISOString() }
}

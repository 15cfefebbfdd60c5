// Accounts over the whole installation: looked for, looked at, made and changed.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { isNameOfPerson } from '../../config/plain-text.ts'
import { type AccessRule, ROLES } from '../../config/roles.ts'
import type { AccountAdministration } from '../accounts/account-administration.ts'
import type { AccountFilter, AccountPlace } from '../accounts/account-filter.ts'
import type { AccountDetails, AccountItem, AccountSearch } from '../accounts/account-search.ts'
import { isEmailAddress } from '../accounts/email-key.ts'
import type { PasswordLinkWay } from '../accounts/password-links.ts'
import { profileClaims } from '../accounts/profile-claims.ts'
import type { Cursors } from '../http/cursors.ts'
import {
  accountDetailsShape,
  accountShape,
  byTheRules,
  passwordLinkShape,
  rolesAsked,
  showAccount,
  showDetails,
  showLink,
} from './account-shapes.ts'
import { type ApiRoute, route } from './route.ts'
import { ended, flagAsked, momentAsked, name, notFound, pageOf, paging, readPage, reason } from './shapes.ts'

/** What the routes call. */
export interface AccountRoutesDeps {
  readonly cursors: Cursors
  readonly search: AccountSearch
  readonly administration: AccountAdministration
  /** Whether a password could ever be found to be the one of this hash. */
  readonly isUsableHash: (hash: string) => boolean
}

const filters = {
  search: name
    .optional()
    .meta({ description: 'The beginning of an e-mail address, or of any word of a name and what comes after it.' }),
  role: z.enum(ROLES, `it must be one of ${ROLES.join(', ')}`).optional(),
  status: z.enum(['active', 'suspended'], 'it must be active or suspended').optional(),
  has_password: flagAsked.optional(),
  never_signed_in: flagAsked.optional(),
  locked: flagAsked.optional().meta({ description: 'Sign-ins have to wait now, after too many that failed.' }),
  since: momentAsked.optional().meta({ description: 'Made at that time or later.' }),
  before: momentAsked.optional().meta({ description: 'Made before that time.' }),
}

const email = z.string('it must be text').max(320).refine(isEmailAddress, 'it must be an e-mail address')
const flag = z.boolean('it must be true or false')
const called = z
  .string('it must be text')
  .max(200, 'it must have 200 characters at most')
  .refine(isNameOfPerson, 'it must not hold control characters')

const id = z.strictObject({ id: name })

/** Makes the routes. */
export function accountRoutes(deps: AccountRoutesDeps): ApiRoute[] {
  return [listRoute(deps), getRoute(deps), createRoute(deps), changeRoute(deps)]
}

function listRoute({ search, cursors }: AccountRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/accounts',
    name: 'listAccounts',
    tag: 'Accounts',
    summary: 'List accounts, the latest first',
    description:
      'Of a search come first those whose address begins so, then those whose name does, then those by a further word of it, each in the order of letters.',
    access: ACCESS.accounts.read,
    query: z.strictObject({ ...filters, ...paging }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(accountShape) } },
    async handle({ query: { limit, cursor, ...asked } }) {
      const filter = filterOf(asked)
      const body = await readPage<AccountItem & { readonly place: AccountPlace }>({
        cursors,
        list: `accounts ${JSON.stringify(filter)}`,
        limit,
        cursor,
        // A cursor is good for the list that it was made for, so its place is one of that list.
        read: (most, after) =>
          search.page({ filter, limit: most, ...(after === undefined ? {} : { after: after as unknown as AccountPlace }) }),
        placeOf: ({ place }) => place,
        show: showAccount,
      })
      return { body }
    },
  })
}

function filterOf({ has_password, never_signed_in, ...rest }: z.output<z.ZodObject<typeof filters>>): AccountFilter {
  const wanted = { ...rest, hasPassword: has_password, neverSignedIn: never_signed_in }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
}

function getRoute({ search }: AccountRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/accounts/:id',
    name: 'getAccount',
    tag: 'Accounts',
    summary: 'An account with all that is known of it',
    access: ACCESS.accounts.read,
    params: id,
    outcomes: { 200: { description: 'The account.', schema: accountDetailsShape, headers: ['ETag'] } },
    async handle({ params, may }) {
      const account = await find(search, params.id)
      return { body: showDetails(account, may), version: account.version }
    },
  })
}

async function find(search: AccountSearch, accountId: string): Promise<AccountDetails> {
  const account = await search.find(accountId)
  if (account === undefined) throw notFound('account')
  return account
}

function createRoute({ search, administration, isUsableHash }: AccountRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/accounts',
    name: 'createAccount',
    tag: 'Accounts',
    summary: 'Make an account',
    description:
      'Nobody but the person is to know the password: the answer has a one-time link by which they set it, or it is mailed to them (`send_mail`). With a `password_hash`, as another system stored it, there is no link unless one is to be mailed. To be shown the link takes the role owner or operator: helpdesk has it mailed. `roles`, `email_verified` and `password_hash` take the role owner.',
    access: ACCESS.accounts.create,
    body: z.strictObject({
      email,
      name: called.optional(),
      email_verified: flag.optional(),
      roles: rolesAsked.optional(),
      profile: profileClaims.optional(),
      password_hash: z
        .string('it must be text')
        .refine(isUsableHash, 'it must be a hash by argon2id, bcrypt, scrypt or pbkdf2 with parameters within bounds')
        .optional()
        .meta({ description: 'argon2id, bcrypt, scrypt or pbkdf2.' }),
      send_mail: flag.default(false).meta({ description: 'The link is mailed to the person, and not shown.' }),
      reason,
    }),
    outcomes: {
      201: {
        description: 'The account.',
        headers: ['ETag', 'Location'],
        schema: accountDetailsShape.extend({ password_link: passwordLinkShape.nullable() }).meta({ id: 'CreatedAccount' }),
      },
    },
    async handle({ body, change, may, insist }) {
      const { roles, email_verified, password_hash, send_mail, profile } = body
      mayDecide(insist, [roles?.length, email_verified, password_hash])
      const way = wayOf(send_mail, password_hash)
      if (way === 'shown') insist(ACCESS.accounts.seeLinks)
      const { account, link } = await byTheRules(() =>
        administration.create(
          {
            email: body.email,
            ...(body.name === undefined ? {} : { name: body.name }),
            ...(email_verified === undefined ? {} : { emailVerified: email_verified }),
            ...(roles === undefined ? {} : { roles }),
            ...(profile === undefined ? {} : { profile: json(profile) }),
            ...(password_hash === undefined ? {} : { passwordHash: password_hash }),
            ...(way === undefined ? {} : { link: way }),
          },
          change(body.reason),
        ),
      )
      const made = await find(search, account.id)
      return {
        status: 201,
        body: { ...showDetails(made, may), password_link: link === undefined ? null : showLink(link) },
        version: made.version,
        headers: { Location: `/admin/api/v1/accounts/${account.id}` },
      }
    },
  })
}

function wayOf(mailed: boolean, hash: string | undefined): PasswordLinkWay | undefined {
  if (mailed) return 'mailed'
  return hash === undefined ? 'shown' : undefined
}

function changeRoute({ search, administration }: AccountRoutesDeps): ApiRoute {
  return route({
    method: 'patch',
    path: '/accounts/:id',
    name: 'changeAccount',
    tag: 'Accounts',
    summary: 'Change an account',
    description:
      'What is left out stays. With another address all that the account has ends; with a role that is taken away the access tokens that carry it. All but `name` and `profile` takes the role owner.',
    access: ACCESS.accounts.describe,
    versioned: true,
    params: id,
    body: z.strictObject({
      email: email.optional(),
      name: called.nullable().optional(),
      email_verified: flag.optional(),
      roles: rolesAsked.optional(),
      profile: profileClaims.optional().meta({ description: 'Takes the place of the whole profile.' }),
      reason,
    }),
    outcomes: {
      200: {
        description: 'The account as it is now, and what ended.',
        headers: ['ETag'],
        schema: accountDetailsShape.extend({ ended }).meta({ id: 'ChangedAccount' }),
      },
    },
    async handle({ params, body, change, may, insist, ifVersion }) {
      const { email: address, email_verified, roles, profile } = body
      mayDecide(insist, [address, email_verified, roles])
      const changes = {
        ...(address === undefined ? {} : { email: address }),
        ...(email_verified === undefined ? {} : { emailVerified: email_verified }),
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(profile === undefined ? {} : { profile: json(profile) }),
        ...(roles === undefined ? {} : { roles }),
      }
      const whatEnded = await byTheRules(() =>
        administration.update({ accountId: params.id, changes, ifVersion }, change(body.reason)),
      )
      const account = await find(search, params.id)
      return { body: { ...showDetails(account, may), ended: whatEnded }, version: account.version }
    },
  })
}

/** @throws HttpProblem 403 when something is asked that decides who gets in, by somebody who does not decide that */
function mayDecide(insist: (rule: AccessRule) => void, asked: readonly unknown[]): void {
  if (asked.some((value) => value !== undefined && value !== 0)) insist(ACCESS.accounts.decide)
}

/** Members that were left out are undefined, which JSON does not have. */
function json(profile: object) {
  return JSON.parse(JSON.stringify(profile))
}

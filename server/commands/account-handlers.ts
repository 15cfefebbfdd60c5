// The verbs about accounts: found as the admin API finds them, and what administrators do to them.
import { z } from 'zod'
import { ROLES } from '../../config/roles.ts'
import { createAccountEvents } from '../accounts/account-events.ts'
import { type AccountLocks, createAccountLocks } from '../accounts/account-locks.ts'
import { previewAccount } from '../accounts/account-preview.ts'
import { type AccountDetails, type AccountItem, createAccountSearch } from '../accounts/account-search.ts'
import { AccountRefused } from '../accounts/account-standing.ts'
import { createCountedKeys } from '../accounts/counted-keys.ts'
import { showAccount, showDetails, showPreview } from '../admin-api/account-shapes.ts'
import type { Change } from '../audit/change.ts'
import { addressKey } from '../http/client-address.ts'
import type { Ended } from '../tokens/ending.ts'
import { accountNamed, by, given, limitAsked, minute, readArgs, table } from './asked.ts'
import type { CommandDeps } from './command-deps.ts'
import { CommandFailed, type CommandHandlers, type CommandOutput } from './control-socket.ts'
import { ACCOUNT_DEEDS, endedText } from './ends.ts'
import { listed } from './lists.ts'

type Deps = Pick<CommandDeps, 'db' | 'sealer' | 'endings' | 'config' | 'passwords'>

type Deed = keyof typeof ACCOUNT_DEEDS

/** Makes them. */
export function createAccountVerbs(deps: Deps): CommandHandlers {
  const deed =
    (name: Deed): CommandHandlers[string] =>
    (args) =>
      explained(() => doDeed(deps, name, readArgs(deedArgs, args)))
  return {
    'accounts list': (args) => list(deps, readArgs(listArgs, args)),
    'accounts show': (args) => show(deps, readArgs(oneArgs, args)),
    'accounts unlock': (args) => explained(() => unlock(deps, readArgs(deedArgs, args))),
    ...Object.fromEntries(DEEDS.map((name) => [`accounts ${name}`, deed(name)])),
  }
}

const DEEDS = Object.keys(ACCOUNT_DEEDS) as Deed[]

const listArgs = z.strictObject({
  search: z.string().optional(),
  role: z.enum(ROLES, `it takes one of ${ROLES.join(', ')}`).optional(),
  status: z.enum(['active', 'suspended'], 'it takes active or suspended').optional(),
  locked: z.boolean().optional(),
  'never-signed-in': z.boolean().optional(),
  limit: limitAsked,
})
const oneArgs = z.strictObject({ account: z.string() })
const deedArgs = oneArgs.extend({ dryRun: z.boolean().default(false), reason: z.string().optional() })

function locksOf({ db, sealer }: Deps): AccountLocks {
  return createAccountLocks({ db, keysOf: createCountedKeys({ addressKey, secret: sealer.derive('sign-in failures') }) })
}

const searchOf = (deps: Deps) => createAccountSearch({ db: deps.db, locks: locksOf(deps) })

async function list(deps: Deps, asked: z.output<typeof listArgs>): Promise<CommandOutput> {
  const { limit, 'never-signed-in': neverSignedIn, ...rest } = asked
  const found = await searchOf(deps).page({ filter: given({ ...rest, neverSignedIn }), limit: limit + 1 })
  return listed({ found, limit, what: 'accounts', head: HEAD, row, show: showAccount })
}

const HEAD = ['account', 'e-mail address', 'name', 'status', 'roles', 'last signed in']

function row({ id, email, name, status, roles, lastSignedInAt }: AccountItem): string[] {
  return [id, email, name ?? '-', status, roles.join(' ') || '-', lastSignedInAt === undefined ? 'never' : minute(lastSignedInAt)]
}

async function detailsOf(deps: Deps, name: string): Promise<AccountDetails> {
  const details = await searchOf(deps).find(await accountNamed(deps.db, name))
  if (details === undefined) throw new CommandFailed(`there is no account ${name}`)
  return details
}

async function show(deps: Deps, { account }: z.output<typeof oneArgs>): Promise<CommandOutput> {
  const details = await detailsOf(deps, account)
  const { sessions, grants, lockout, passwordSetAt } = details
  const lines = [
    table([HEAD, row(details)]),
    `  live sessions: ${sessions}`,
    `  live grants: ${grants}`,
    `  password: ${passwordSetAt === undefined ? 'none' : `set ${minute(passwordSetAt)}`}`,
    `  sign-ins: ${lockout.until === undefined ? 'nothing has to wait' : `have to wait until ${minute(lockout.until)}: accounts unlock`}`,
  ]
  return { text: lines.join('\n'), data: showDetails(details, () => true) }
}

async function unlock(deps: Deps, { account, dryRun, reason }: z.output<typeof deedArgs>): Promise<CommandOutput> {
  const { id, lockout } = await detailsOf(deps, account)
  const counts = dryRun ? lockout.counts.length : await locksOf(deps).unlock(id, by(reason))
  const text =
    counts === 0 ? 'Nothing was counted.' : `${dryRun ? 'Would forget' : 'Forgotten:'} ${counts} counts of failed sign-ins.`
  return { text, data: { dry_run: dryRun, counts } }
}

async function doDeed(deps: Deps, deed: Deed, { account, dryRun, reason }: z.output<typeof deedArgs>): Promise<CommandOutput> {
  const id = await accountNamed(deps.db, account)
  const events = createAccountEvents({ ...deps, policy: deps.config.passwordPolicy })
  if (dryRun) {
    await events.check(deed, id, by(reason))
    const preview = await previewAccount(deps.db, id)
    if (preview === undefined) throw new CommandFailed(`there is no account ${account}`)
    const data = showPreview(preview, () => true)
    const counts = deed === 'reinstate' ? [] : Object.entries(data).filter(([, value]) => typeof value === 'number')
    const lines = counts.map(([name, count]) => `  ${name.replaceAll('_', ' ')}: ${count}`)
    return { text: ['Would end:', ...lines, 'Nothing was written.'].join('\n'), data }
  }
  const deeds: { readonly [name in Deed]: (accountId: string, change: Change) => Promise<Ended> } = events
  const data = await deeds[deed](id, by(reason))
  return {
    text: deed === 'reinstate' ? 'The person can sign in again. Nothing that was ended comes back.' : endedText(data),
    data,
  }
}

async function explained(work: () => Promise<CommandOutput>): Promise<CommandOutput> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof AccountRefused ? new CommandFailed(error.message) : error
  }
}

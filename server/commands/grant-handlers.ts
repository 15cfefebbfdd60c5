// The verbs about grants: looked for as the admin API looks for them, and ended by the same events.
import { z } from 'zod'
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { showPreview } from '../admin-api/bulk.ts'
import { showGrant } from '../admin-api/session-tree.ts'
import { createGrantEvents } from '../grants/grant-events.ts'
import type { GrantFilter } from '../grants/grant-filter.ts'
import { createGrantPreview } from '../grants/grant-preview.ts'
import { createGrantSearch } from '../grants/grant-search.ts'
import type { GrantNode } from '../grants/grant-tree.ts'
import { by, given, limitAsked, minute, readArgs } from './asked.ts'
import { endSome, idsAsked, MOST_AT_ONCE, MOST_PREVIEWED, previewText } from './bulk-ends.ts'
import type { CommandDeps } from './command-deps.ts'
import type { CommandHandlers, CommandOutput } from './control-socket.ts'
import { commonFilters, listed, readCommon, stateAsked } from './lists.ts'

type Deps = Pick<CommandDeps, 'db' | 'clock' | 'endings' | 'config'>

/** Makes them. */
export function createGrantVerbs(deps: Deps): CommandHandlers {
  return {
    'grants list': (args) => list(deps, readArgs(listArgs, args)),
    'grants revoke': (args) => revoke(deps, readArgs(revokeArgs, args)),
  }
}

const filters = z.strictObject({
  ...commonFilters,
  session: z.string().optional(),
  scope: z.string().optional(),
  resource: z.string().optional(),
})

const listArgs = filters.extend({ state: stateAsked, limit: limitAsked })

const revokeArgs = filters.extend({ id: idsAsked.optional(), dryRun: z.boolean().default(false), reason: z.string().optional() })

async function filterOf(deps: Deps, { session, scope, resource, ...common }: z.output<typeof filters>): Promise<GrantFilter> {
  return { ...(await readCommon(deps, common)), ...given({ sessionId: session, scope, resource }) }
}

function livesOf({ db, config }: Deps) {
  // The settings of the servers may differ from ours, so the longest life that there can be is assumed.
  return { db, refreshIdleSeconds: config.lifetimes.refreshIdle, accessTokenLifeSeconds: () => LONGEST_ACCESS_TOKEN }
}

/** Some that fit, the latest first. A page of idle ones may be empty, and there are more. */
async function firstOf(deps: Deps, filter: GrantFilter, most: number): Promise<GrantNode[]> {
  const search = createGrantSearch(livesOf(deps))
  const found: GrantNode[] = []
  let { grants, next } = await search.page({ filter, limit: most })
  found.push(...grants)
  while (next !== undefined && found.length < most) {
    ;({ grants, next } = await search.page({ filter, limit: most - found.length, after: next }))
    found.push(...grants)
  }
  return found
}

async function list(deps: Deps, { state, limit, ...asked }: z.output<typeof listArgs>): Promise<CommandOutput> {
  const filter = { ...(await filterOf(deps, asked)), ...(state === 'any' ? {} : { state }) }
  const found = await firstOf(deps, filter, limit + 1)
  return listed({ found, limit, what: 'grants', head: HEAD, row, show: showGrant })
}

const HEAD = ['grant', 'account', 'app', 'state', 'given', 'scopes']

function row(item: GrantNode): string[] {
  const scopes = [...item.scopes, ...Object.values(item.resources).flat()].join(' ')
  return [item.id, item.account.email ?? item.account.id, item.client.name, item.state, minute(item.createdAt), scopes]
}

async function revoke(deps: Deps, { id, dryRun, reason, ...asked }: z.output<typeof revokeArgs>): Promise<CommandOutput> {
  const filter = await filterOf(deps, asked)
  if (dryRun) {
    const preview = await createGrantPreview(livesOf(deps))(id === undefined ? { filter } : { ids: id }, { most: MOST_PREVIEWED })
    return { text: previewText(preview), data: showPreview(preview) }
  }
  const some = async () => (await firstOf(deps, { ...filter, state: 'live' }, MOST_AT_ONCE)).map((grant) => grant.id)
  return endSome({
    ids: id ?? (await some()),
    mayBeMore: id === undefined,
    end: (ids) => createGrantEvents(deps).revokeMany(ids, by(reason)),
  })
}

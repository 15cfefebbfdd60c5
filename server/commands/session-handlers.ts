// The verbs about sessions: looked for as the admin API looks for them, and ended by the same events.
import { z } from 'zod'
import { isNetwork } from '../../config/network.ts'
import { showPreview } from '../admin-api/bulk.ts'
import { showSession } from '../admin-api/sessions.ts'
import { createSessionEvents } from '../sessions/session-events.ts'
import type { SessionFilter } from '../sessions/session-filter.ts'
import { createSessionPreview } from '../sessions/session-preview.ts'
import { createSessionSearch, type SessionItem } from '../sessions/session-search.ts'
import { by, given, limitAsked, minute, readArgs } from './asked.ts'
import { endSome, idsAsked, MOST_AT_ONCE, MOST_PREVIEWED, previewText } from './bulk-ends.ts'
import type { CommandDeps } from './command-deps.ts'
import type { CommandHandlers, CommandOutput } from './control-socket.ts'
import { commonFilters, listed, readCommon, stateAsked } from './lists.ts'

type Deps = Pick<CommandDeps, 'db' | 'clock' | 'endings' | 'config'>

/** Makes them. */
export function createSessionVerbs(deps: Deps): CommandHandlers {
  return {
    'sessions list': (args) => list(deps, readArgs(listArgs, args)),
    'sessions revoke': (args) => revoke(deps, readArgs(revokeArgs, args)),
  }
}

const filters = z.strictObject({
  ...commonFilters,
  ip: z.string().refine(isNetwork, 'it takes an address, or a network as CIDR').optional(),
  method: z.string().optional(),
})

const listArgs = filters.extend({ state: stateAsked, limit: limitAsked })

const revokeArgs = filters.extend({ id: idsAsked.optional(), dryRun: z.boolean().default(false), reason: z.string().optional() })

async function filterOf(deps: Deps, { ip, method, ...common }: z.output<typeof filters>): Promise<SessionFilter> {
  return { ...(await readCommon(deps, common)), ...given({ address: ip, method }) }
}

async function list(deps: Deps, { state, limit, ...asked }: z.output<typeof listArgs>): Promise<CommandOutput> {
  const filter = { ...(await filterOf(deps, asked)), ...(state === 'any' ? {} : { state }) }
  const found = await createSessionSearch(deps).page({ filter, limit: limit + 1 })
  return listed({ found, limit, what: 'sessions', head: HEAD, row, show: showSession })
}

const HEAD = ['session', 'account', 'device', 'address', 'state', 'last active', 'apps']

function row(item: SessionItem): string[] {
  const apps = item.clients.map(({ name }) => name).join(', ')
  return [
    item.id,
    item.account.email ?? item.account.id,
    item.device,
    item.address ?? '-',
    item.state,
    minute(item.lastUsedAt),
    apps,
  ]
}

async function revoke(deps: Deps, { id, dryRun, reason, ...asked }: z.output<typeof revokeArgs>): Promise<CommandOutput> {
  const filter = await filterOf(deps, asked)
  if (dryRun) {
    const preview = await createSessionPreview(deps)(id === undefined ? { filter } : { ids: id }, { most: MOST_PREVIEWED })
    return { text: previewText(preview), data: showPreview(preview) }
  }
  const events = createSessionEvents({ endings: deps.endings, keepOffline: deps.config.sessionRevocation === 'keep_offline' })
  return endSome({
    ids: id ?? (await createSessionSearch(deps).liveIds(filter, MOST_AT_ONCE)),
    mayBeMore: id === undefined,
    end: (ids) => events.revoke(ids, by(reason)),
  })
}

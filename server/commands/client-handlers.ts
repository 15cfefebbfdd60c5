// The verbs about clients: found as the admin API finds them, suspended, deleted, and given another secret.
import { z } from 'zod'
import { showClient, showSecret, showTokensFrom } from '../admin-api/client-shapes.ts'
import type { Change } from '../audit/change.ts'
import { createClientAdministration } from '../clients/client-administration.ts'
import { createClientEvents } from '../clients/client-events.ts'
import { countHoldings } from '../clients/client-holdings.ts'
import { CLIENT_KINDS } from '../clients/client-kinds.ts'
import { type ClientDetail, type ClientItem, createClientSearch } from '../clients/client-search.ts'
import { ClientRefused } from '../clients/client-standing.ts'
import { createClients } from '../clients/clients.ts'
import type { Ended } from '../tokens/ending.ts'
import { by, given, limitAsked, minute, readArgs, secondsAsked, table } from './asked.ts'
import type { CommandDeps } from './command-deps.ts'
import { CommandFailed, type CommandHandlers, type CommandOutput } from './control-socket.ts'
import { CLIENT_DEEDS, endedText } from './ends.ts'
import { listed } from './lists.ts'

type Deps = Pick<CommandDeps, 'db' | 'clock' | 'endings'>

type Deed = keyof typeof CLIENT_DEEDS

/** Makes them. */
export function createClientVerbs(deps: Deps): CommandHandlers {
  const deed =
    (name: Deed): CommandHandlers[string] =>
    (args) =>
      explained(() => doDeed(deps, name, readArgs(deedArgs, args)))
  return {
    'clients list': (args) => list(deps, readArgs(listArgs, args)),
    'clients show': (args) => show(deps, readArgs(oneArgs, args)),
    'clients rotate-secret': (args) => explained(() => rotateSecret(deps, readArgs(rotateArgs, args))),
    ...Object.fromEntries(DEEDS.map((name) => [`clients ${name}`, deed(name)])),
  }
}

const DEEDS = Object.keys(CLIENT_DEEDS) as Deed[]

const listArgs = z.strictObject({
  search: z.string().optional(),
  kind: z.enum(CLIENT_KINDS, `it takes one of ${CLIENT_KINDS.join(', ')}`).optional(),
  status: z.enum(['active', 'suspended'], 'it takes active or suspended').optional(),
  limit: limitAsked,
})
const oneArgs = z.strictObject({ client: z.string() })
const deedArgs = oneArgs.extend({ dryRun: z.boolean().default(false), reason: z.string().optional() })
const rotateArgs = oneArgs.extend({ overlap: secondsAsked.default(0), reason: z.string().optional() })

async function list({ db }: Deps, { search, kind, status, limit }: z.output<typeof listArgs>): Promise<CommandOutput> {
  const filter = given({ beginning: search, kind, status })
  const found = await createClientSearch({ db }).page({ filter, limit: limit + 1 })
  return listed({ found, limit, what: 'clients', head: HEAD, row, show: showClient })
}

const HEAD = ['client', 'name', 'kind', 'status', 'made by']

function row({ id, name, kind, status, managedBy }: ClientItem): string[] {
  return [id, name ?? '-', kind, status, managedBy ?? 'an administrator']
}

async function found({ db }: Deps, id: string): Promise<ClientDetail> {
  const client = await createClientSearch({ db }).find(id)
  if (client === undefined) throw new CommandFailed(`there is no client ${id}`)
  return client
}

async function show(deps: Deps, { client: id }: z.output<typeof oneArgs>): Promise<CommandOutput> {
  const client = await found(deps, id)
  const holds = await countHoldings(deps.db, id)
  const secrets = client.secrets.map((secret) => `  secret ${secret.id}: since ${minute(secret.createdAt)}${untilOf(secret)}`)
  const lines = [
    table([HEAD, row(client)]),
    `  holds: ${holds.grants}${holds.more ? ' or more' : ''} live grants of ${holds.accounts} people`,
    ...tokensFromLines(client).map((line) => `  ${line}`),
    ...secrets,
    JSON.stringify(client.metadata, null, 2),
  ]
  const held = { grants: holds.grants, refresh_families: holds.refreshFamilies, accounts: holds.accounts, more: holds.more }
  const data = { ...showClient(client), metadata: client.metadata, secrets: client.secrets.map(showSecret) }
  return { text: lines.join('\n'), data: { ...data, holds: held, tokens_from: showTokensFrom(client) } }
}

function untilOf({ expiresAt, expired }: ClientDetail['secrets'][number]): string {
  if (expiresAt === undefined) return ''
  return expired ? ', expired' : `, until ${minute(expiresAt)}`
}

async function rotateSecret(deps: Deps, { client, overlap, reason }: z.output<typeof rotateArgs>): Promise<CommandOutput> {
  await found(deps, client)
  const administration = createClientAdministration({ clients: createClients(deps), endings: deps.endings })
  const { id, secret } = await administration.addSecret({ clientId: client, overlapSeconds: overlap }, by(reason))
  const before = overlap === 0 ? 'The one before is not good any more.' : `The one before is good for ${overlap} seconds more.`
  return { text: `${secret}\nIt is shown here and never again. ${before}`, data: { id, client_secret: secret } }
}

async function doDeed(deps: Deps, deed: Deed, { client, dryRun, reason }: z.output<typeof deedArgs>): Promise<CommandOutput> {
  await found(deps, client)
  const clients = createClients(deps)
  const { suspend, reinstate, compromiseSecrets, check } = createClientEvents({ clients, endings: deps.endings })
  const administration = createClientAdministration({ clients, endings: deps.endings })
  if (dryRun) {
    await (deed === 'delete' ? administration.checkDelete(client, by(reason)) : check(deed, client, by(reason)))
    const { grants, refreshFamilies, accounts, more } = await countHoldings(deps.db, client)
    const counts =
      deed === 'reinstate' ? [] : [`  grants: ${grants}`, `  refresh families: ${refreshFamilies}`, `  of people: ${accounts}`]
    const text = [more ? 'Would end, and more than that:' : 'Would end:', ...counts, 'Nothing was written.'].join('\n')
    return { text, data: { dry_run: true, grants, refresh_families: refreshFamilies, accounts, more } }
  }
  const deeds: { readonly [name in Deed]: (id: string, change: Change) => Promise<Ended> } = {
    ...{ suspend, reinstate, compromise: compromiseSecrets },
    delete: administration.delete,
  }
  const data = await deeds[deed](client, by(reason))
  if (deed !== 'reinstate') return { text: endedText(data), data }
  const reinstated = await found(deps, client)
  return {
    text: ['The client can be used again. Nothing that was ended comes back.', ...tokensFromLines(reinstated)].join('\n'),
    data: { ...data, tokens_from: showTokensFrom(reinstated) },
  }
}

/** It can be used, and until then it is answered 503. */
function tokensFromLines({ status, tokensFrom }: ClientDetail): string[] {
  if (status !== 'active' || tokensFrom === undefined) return []
  const { at, inSeconds } = tokensFrom
  const left = inSeconds === 1 ? '1 second' : `${inSeconds} seconds`
  return [`It gets tokens from ${at.toISOString()} on, in ${left}: all that it had was ended a moment ago.`]
}

async function explained(work: () => Promise<CommandOutput>): Promise<CommandOutput> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof ClientRefused ? new CommandFailed(error.message) : error
  }
}

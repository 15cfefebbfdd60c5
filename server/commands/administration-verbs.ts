// The verbs by which an operator administrates without the console: accounts, clients, sessions, grants, tokens.
import { readFile } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import { CommandFailed } from './control-socket.ts'
import type { AskDatabase } from './database-access.ts'
import { ACCOUNT_DEEDS, bothEnded, CLIENT_DEEDS, type EndedSome, endedText, NOTHING } from './ends.ts'
import { DRY_RUN, type GivenOptions, REASON, type Verb, type VerbOption, type VerbResult } from './verb.ts'

const text = (value: string, help: string): VerbOption => ({ type: 'string', value, help })

const LIMIT = text('COUNT', 'how many: 50 when left out, 9999 at most')
const STATE = text('STATE', 'live (when left out), ended, expired or any')
const SINCE = text('TIME', '2026-11-26T09:30:00Z, or how long ago: 2h')
const IDS = text('IDS', 'which, separated by commas; or the filters below, for all that fit')
const ACCOUNT = text('WHO', 'an account, by its id or e-mail address')
const CLIENT = text('ID', 'a client, by its client_id')

const SESSION_FILTERS: Readonly<Record<string, VerbOption>> = {
  account: ACCOUNT,
  client: text('ID', 'a client that was signed in to'),
  ip: text('ADDRESS', 'an address, or a network as CIDR'),
  method: text('AMR', 'how the person signed in: pwd'),
  since: text('TIME', 'started at that time or later: 2026-11-26T09:30:00Z, or 2h for two hours ago'),
  before: text('TIME', 'started before that'),
  idle: text('TIME', 'not used for so long: 7d'),
}

const GRANT_FILTERS: Readonly<Record<string, VerbOption>> = {
  account: ACCOUNT,
  client: CLIENT,
  session: text('ID', 'the session in which it was given'),
  scope: text('SCOPE', 'that it has'),
  resource: text('URI', 'an API that it reaches'),
  since: { ...SINCE, help: `given at that time or later: ${SINCE.help}` },
  before: text('TIME', 'given before that'),
  idle: text('TIME', 'not refreshed for so long: 30d'),
}

function listVerb(noun: string, summary: string, options: Readonly<Record<string, VerbOption>>): Verb {
  return {
    name: `${noun} list`,
    summary,
    options: { ...options, limit: LIMIT },
    run: (given) => ask(`${noun} list`, argsOf(given)),
  }
}

function revokeVerb(noun: string, summary: string, filters: Readonly<Record<string, VerbOption>>): Verb {
  const name = `${noun} revoke`
  return {
    name,
    summary,
    details: 'With filters it ends whatever fits, some hundreds in each transaction; look with --dry-run first.',
    options: { id: IDS, ...filters, 'dry-run': DRY_RUN, reason: REASON },
    run(given) {
      const { dryRun, reason, ...which } = argsOf(given)
      if (Object.keys(which).length === 0)
        throw new CommandFailed('say which: --id, or a filter. "latchkey end everything" ends all')
      if (which.id !== undefined && Object.keys(which).length > 1) throw new CommandFailed('--id goes without a filter')
      return withDatabase((database) => endAll(database, name, { ...which, dryRun, reason }))
    },
  }
}

/** Portion by portion, until nothing is left. */
async function endAll(database: AskDatabase, verb: string, args: Readonly<Record<string, unknown>>): Promise<VerbResult> {
  const first = await database(verb, args)
  if (args.dryRun === true) return first
  let { more, ...ended } = { ...NOTHING, ...(first.data as EndedSome) }
  while (more) {
    if (process.stderr.isTTY) process.stderr.write(`\r${ended.sessions + ended.grants} …`)
    const { more: still, ...next } = (await database(verb, args)).data as EndedSome
    ended = bothEnded(ended, next)
    more = still
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  return { text: endedText(ended), data: ended }
}

const TOKEN_OPTIONS: Readonly<Record<string, VerbOption>> = {
  file: {
    type: 'string',
    short: 'f',
    value: 'FILE',
    help: 'the file that has the token; left out: it is read from standard input',
  },
  name: text('KIND=VALUE', 'instead of a token, what names some: jti, grant_id, sid, sub, client_id or kid'),
}

const tokensInspect: Verb = {
  name: 'tokens inspect',
  summary: 'Say what a token is, of whatever kind, and whether it lives or why not',
  details: 'The token is neither shown nor written down. A code that is still on its way is known to the servers only.',
  options: TOKEN_OPTIONS,
  run: async (given) => ask('tokens inspect', await tokenArgs(given)),
}

const tokensRevoke: Verb = {
  name: 'tokens revoke',
  summary: 'End a token, or all access tokens that carry a name',
  details:
    'A refresh token ends with its grant. By --name, access tokens end that were issued until now; a refresh brings new ones.',
  options: {
    ...TOKEN_OPTIONS,
    family: { type: 'boolean', help: 'end the grant as well' },
    'dry-run': DRY_RUN,
    reason: REASON,
  },
  run: async (given) => ask('tokens revoke', await tokenArgs(given)),
}

async function tokenArgs(given: GivenOptions): Promise<Readonly<Record<string, unknown>>> {
  const { file, name, ...rest } = argsOf(given)
  if (name !== undefined) return { name, ...rest }
  if (file === undefined) return { token: await textOf(process.stdin), ...rest }
  const token = await readFile(String(file), 'utf8').catch(() => {
    throw new CommandFailed(`the file ${String(file)} cannot be read`)
  })
  return { token, ...rest }
}

function oneVerb(
  noun: 'accounts' | 'clients',
  word: string,
  summary: string,
  more: Readonly<Record<string, VerbOption>> = {},
): Verb {
  const name = `${noun} ${word}`
  const which = noun === 'accounts' ? { account: { ...ACCOUNT, required: true } } : { client: { ...CLIENT, required: true } }
  return { name, summary, options: { ...which, ...more }, run: (given) => ask(name, argsOf(given)) }
}

const CHANGE = { 'dry-run': DRY_RUN, reason: REASON }
const SEARCH = text('TEXT', 'what its id, name or address begins with')

/** In the order of the help. */
export const ADMINISTRATION_VERBS: readonly Verb[] = [
  listVerb('accounts', 'Show accounts', {
    search: SEARCH,
    role: text('ROLE', 'owner, operator, auditor or helpdesk'),
    status: text('STATUS', 'active or suspended'),
    locked: { type: 'boolean', help: 'those at which sign-ins have to wait' },
    'never-signed-in': { type: 'boolean', help: 'those to which nobody ever signed in' },
  }),
  oneVerb('accounts', 'show', 'Show an account with what it has'),
  oneVerb('accounts', 'unlock', 'Forget the failed sign-ins at an account', CHANGE),
  ...Object.entries(ACCOUNT_DEEDS).map(([word, summary]) => oneVerb('accounts', word, summary, CHANGE)),
  listVerb('clients', 'Show clients', {
    search: { ...SEARCH, help: 'what its id or name begins with' },
    kind: text('KIND', 'web, spa, native or machine'),
    status: text('STATUS', 'active or suspended'),
  }),
  oneVerb('clients', 'show', 'Show a client with what is registered of it and what it holds'),
  oneVerb('clients', 'rotate-secret', 'Give a client another secret, which is shown once', {
    overlap: text('TIME', 'how long the one before stays good: 1d; left out: not at all'),
    reason: REASON,
  }),
  ...Object.entries(CLIENT_DEEDS).map(([word, summary]) => oneVerb('clients', word, summary, CHANGE)),
  listVerb('sessions', 'Show sessions, the latest first', { ...SESSION_FILTERS, state: STATE }),
  revokeVerb('sessions', 'End sessions with all that hangs from them', SESSION_FILTERS),
  listVerb('grants', 'Show grants, the latest first', { ...GRANT_FILTERS, state: STATE }),
  revokeVerb('grants', 'End grants with their tokens', GRANT_FILTERS),
  tokensInspect,
  tokensRevoke,
]

/** What was given, as the verbs on the database take it. */
function argsOf({ json: _json, help: _help, 'dry-run': dryRun, ...given }: GivenOptions): Record<string, unknown> {
  return { ...given, ...(dryRun === true ? { dryRun } : {}) }
}

function ask(verb: string, args: Readonly<Record<string, unknown>>): Promise<VerbResult> {
  return withDatabase((database) => database(verb, args))
}

async function withDatabase(work: (database: AskDatabase) => Promise<VerbResult>): Promise<VerbResult> {
  const { withDatabaseVerbs } = await import('./database-access.ts')
  return withDatabaseVerbs({}, work)
}

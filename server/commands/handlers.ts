// The verbs that work on the database: the same functions, whether the command line opened it or a running server has it.
import { z } from 'zod'
import { systemClock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { countEverything, endEverySession, endEverything } from '../sessions/end-everything.ts'
import { announceSetupLink } from '../setup/announcement.ts'
import { readMigrations } from '../storage/migration-files.ts'
import type { RedisClient } from '../storage/redis-client.ts'
import { createAccountVerbs } from './account-handlers.ts'
import { createAuditVerbs } from './audit-handlers.ts'
import { createClientVerbs } from './client-handlers.ts'
import type { CommandDeps } from './command-deps.ts'
import { CommandFailed, type CommandHandlers, type CommandOutput } from './control-socket.ts'
import { removeDemo } from './demo-removal.ts'
import { examine } from './doctor.ts'
import { createGrantVerbs } from './grant-handlers.ts'
import { createKeyVerbs } from './key-handlers.ts'
import { describeProvisioning, provision } from './provision.ts'
import { createSessionVerbs } from './session-handlers.ts'
import { createTokenVerbs } from './token-handlers.ts'

/** The verbs that need the database and nothing that only the command line has. */
export function createDatabaseVerbs(deps: CommandDeps): CommandHandlers {
  return {
    apply: (args) => apply(deps, applyArgs.parse(args)),
    'admin setup-link': () => setupLink(deps),
    'end everything': (args) => endAll(deps, changeArgs.parse(args)),
    'end sessions': (args) => endSessions(deps, changeArgs.parse(args)),
    'demo remove': (args) => demoRemove(deps, changeArgs.parse(args)),
    doctor: () => examine(deps),
    ...createAccountVerbs(deps),
    ...createClientVerbs(deps),
    ...createSessionVerbs(deps),
    ...createGrantVerbs(deps),
    ...createTokenVerbs(deps),
    ...createKeyVerbs(deps),
    ...createAuditVerbs(deps),
  }
}

/** What a running server answers on its control socket. */
export function createCommandHandlers(about: {
  readonly config: Config
  readonly latchkey: {
    readonly stores: Pick<CommandDeps, 'db' | 'sealer'> & { readonly redis?: RedisClient | undefined }
    readonly nouns: Pick<CommandDeps, 'endings' | 'passwords' | 'setupLinks'>
    readonly keys: Pick<KeyRing, 'turns' | 'compromise'>
  }
}): CommandHandlers {
  const { endings, passwords, setupLinks } = about.latchkey.nouns
  const { db, sealer, redis } = about.latchkey.stores
  return {
    ...createDatabaseVerbs({
      config: about.config,
      db,
      clock: systemClock,
      endings,
      passwords,
      setupLinks,
      keyTurns: about.latchkey.keys.turns,
      compromiseKey: about.latchkey.keys.compromise,
      sealer,
      withRedis: async (work) => (redis === undefined ? 'memory' : work(redis)),
    }),
    // A server that runs has applied every migration it knows.
    'migrate status': migrated,
    'migrate up': migrated,
    'migrate down': async () => {
      throw new CommandFailed(`a server (process ${process.pid}) has this database open: stop it first`)
    },
  }
}

/** What `migrate up` and `migrate status` say. */
export function describeMigrations({ applied, pending }: { applied: readonly string[]; pending: readonly string[] }): string {
  const lines = [...applied.map((name) => `  applied  ${name}`), ...pending.map((name) => `  pending  ${name}`)]
  const end = pending.length === 0 ? 'The database is up to date.' : `${pending.length} to apply: npx latchkey migrate up`
  return [...lines, end].join('\n')
}

const applyArgs = z.object({
  file: z.string(),
  dryRun: z.boolean().default(false),
  prune: z.boolean().default(false),
  reason: z.string().optional(),
})

const changeArgs = z.object({ dryRun: z.boolean().default(false), reason: z.string().optional() })

async function apply(deps: CommandDeps, { file, dryRun, prune, reason }: z.output<typeof applyArgs>): Promise<CommandOutput> {
  const report = await provision(deps, { file, dryRun, prune, ...(reason === undefined ? {} : { reason }) })
  const data = { file, dry_run: dryRun, changes: report.changes, notes: report.notes }
  return { text: describeProvisioning(report), data }
}

async function setupLink({ config, setupLinks }: CommandDeps): Promise<CommandOutput> {
  const { dataDir, issuer } = config
  const made = await announceSetupLink({ links: setupLinks, dataDir, issuer })
  if (made === undefined) throw new CommandFailed('there is an owner already: a setup link would do nothing')
  const where = made.file === undefined ? '' : `\nIt is also in ${made.file}.`
  return {
    text: `${made.url}\nIt works once, until ${made.expiresAt.toISOString()}. Links made before it no longer work.${where}`,
    data: { url: made.url, expires_at: made.expiresAt.toISOString(), file: made.file ?? null },
  }
}

async function endAll(deps: CommandDeps, { dryRun, reason }: z.output<typeof changeArgs>): Promise<CommandOutput> {
  const request = { cause: 'everything_ended', ...(reason === undefined ? {} : { reason }) } as const
  const ended = dryRun ? await countEverything(deps.db, { keepOffline: false }) : await endEverything(deps, request)
  return endedOutput(dryRun, ended, 'All of it has ended, and so has every access token.')
}

async function endSessions(deps: CommandDeps, { dryRun, reason }: z.output<typeof changeArgs>): Promise<CommandOutput> {
  const request = reason === undefined ? {} : { reason }
  const ended = dryRun ? await countEverything(deps.db, { keepOffline: true }) : await endEverySession(deps, request)
  return endedOutput(
    dryRun,
    ended,
    'All of it has ended, and so has every access token. Refresh tokens with offline_access go on.',
  )
}

function endedOutput(dryRun: boolean, ended: object | undefined, done: string): CommandOutput {
  const lines = Object.entries(ended ?? {}).map(([what, count]) => `  ${what.replaceAll('_', ' ')}: ${count}`)
  const end = dryRun ? 'That many live. Nothing was written.' : done
  return { text: [...lines, end].join('\n'), data: { dry_run: dryRun, ...ended } }
}

async function demoRemove(deps: CommandDeps, { dryRun, reason }: z.output<typeof changeArgs>): Promise<CommandOutput> {
  const removed = await removeDemo(deps, { dryRun, ...(reason === undefined ? {} : { reason }) })
  const names = [
    ...removed.clients.map((id) => `  - client ${id}`),
    ...removed.resourceServers.map((identifier) => `  - resource server ${identifier}`),
    ...removed.accounts.map((email) => `  - account ${email}`),
  ]
  const comesBack = deps.config.demo ? '\nDEMO is on: the next start makes the demo again. Turn it off with DEMO=off.' : ''
  const end = names.length === 0 ? 'There is nothing of the demo.' : dryRun ? 'Nothing was written.' : `Removed.${comesBack}`
  const { clients, resourceServers: resource_servers, accounts } = removed
  return { text: [...names, end].join('\n'), data: { dry_run: dryRun, clients, resource_servers, accounts } }
}

async function migrated(): Promise<CommandOutput> {
  const status = { applied: (await readMigrations()).map(({ name }) => name), pending: [] }
  return { text: describeMigrations(status), data: status }
}

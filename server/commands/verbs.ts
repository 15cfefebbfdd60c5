// The verbs of the command line, each with what it takes. What a verb needs is loaded when it runs, so that help is quick.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { settingsInForce } from '../../config/config.ts'
import { ADMINISTRATION_VERBS } from './administration-verbs.ts'
import { AUDIT_VERBS } from './audit-verbs.ts'
import { CommandFailed } from './control-socket.ts'
import { DRY_RUN, type GivenOptions, REASON, type Verb } from './verb.ts'

const serve: Verb = {
  name: 'serve',
  summary: 'Run the server',
  options: {},
  async run() {
    const { serve: run } = await import('../main.ts')
    return { text: '', data: undefined, exitCode: await run() }
  },
}

const migrateUp: Verb = {
  name: 'migrate up',
  summary: 'Apply the migrations that the database lacks',
  options: {},
  async run() {
    const [{ restrictServerRole, withMigrations }, { migrate, migrationStatus }, { describeMigrations }] = await databaseModules()
    return withMigrations('migrate up', async (target) => {
      const applied = await migrate(target)
      const standing = await restrictServerRole(target)
      const status = await migrationStatus(target)
      const lines = applied.map((name) => `  now applied  ${name}`)
      return {
        text: [
          ...lines,
          describeMigrations({ applied: [], pending: status.pending }),
          ...(standing === 'owner' ? [ACTS_FOR_OWNER] : []),
        ].join('\n'),
        data: { ...status, now_applied: applied, ...(standing === undefined ? {} : { server_role: standing }) },
      }
    })
  },
}

const ACTS_FOR_OWNER =
  'The role of DATABASE_URL acts for the owner of the tables: the database cannot keep it from changing the audit log.'

const migrateStatus: Verb = {
  name: 'migrate status',
  summary: 'Show which migrations the database has and lacks',
  options: {},
  async run() {
    const [{ withMigrations }, { migrationStatus }, { describeMigrations }] = await databaseModules()
    return withMigrations('migrate status', async (target) => {
      const status = await migrationStatus(target)
      return { text: describeMigrations(status), data: status }
    })
  },
}

const migrateDown: Verb = {
  name: 'migrate down',
  summary: 'Take the last migration back',
  details: 'What only that migration’s tables and columns held is lost. Stop the servers first.',
  options: {},
  async run() {
    const [{ withMigrations }, { migrateDown: down }] = await databaseModules()
    return withMigrations('migrate down', async (target) => {
      const name = await down(target)
      return {
        text: name === undefined ? 'The database has no migrations.' : `Taken back: ${name}`,
        data: { taken_back: name ?? null },
      }
    })
  },
}

const configCheck: Verb = {
  name: 'config check',
  summary: 'Check the settings, and tell everything that is wrong with them',
  options: {},
  async run() {
    settingsInForce()
    return { text: 'The configuration is right.', data: { ok: true } }
  },
}

const configPrint: Verb = {
  name: 'config print',
  summary: 'Show the settings in force and where each came from, without secrets',
  options: {},
  async run() {
    const settings = settingsInForce()
    const lines = settings.map(
      ({ variable, value, source }) => `${variable}=${value}${source === 'not set' ? '' : `  # ${source}`}`,
    )
    return { text: lines.map((line) => (line.endsWith('=not set') ? `# ${line}` : line)).join('\n'), data: settings }
  },
}

const apply: Verb = {
  name: 'apply',
  summary: 'Apply a provision file (docs/provision-file.md)',
  options: {
    file: { type: 'string', short: 'f', value: 'FILE', help: 'the file, YAML or JSON', required: true },
    'dry-run': DRY_RUN,
    prune: { type: 'boolean', help: 'remove what an earlier file made and this one does not have' },
    reason: REASON,
  },
  run(options) {
    const file = resolve(String(options.file))
    if (!existsSync(file)) throw new CommandFailed(`there is no file ${file}`)
    return onDatabase('apply', { file, ...flags(options), prune: options.prune === true })
  },
}

const setupLink: Verb = {
  name: 'admin setup-link',
  summary: 'Make a one-time link by which the first owner is made',
  options: {},
  run: () => onDatabase('admin setup-link', {}),
}

const endEverything: Verb = {
  name: 'end everything',
  summary: 'End every session, grant and token of everybody',
  details:
    'For an emergency, and after the database was restored from a backup (docs/how-to/restore-a-backup.md). Everybody must sign in again.',
  options: { 'dry-run': DRY_RUN, reason: REASON },
  run: (options) => onDatabase('end everything', flags(options)),
}

const endSessions: Verb = {
  name: 'end sessions',
  summary: 'End every session of everybody, and every access token',
  details:
    'For when somebody else may have the keys of cookies: put other COOKIE_KEYS in place, start the servers anew, and then end what was begun with the old ones. Everybody must sign in again; refresh tokens with offline_access go on.',
  options: { 'dry-run': DRY_RUN, reason: REASON },
  run: (options) => onDatabase('end sessions', flags(options)),
}

const demoRemove: Verb = {
  name: 'demo remove',
  summary: 'Remove the demo’s clients, resource server and accounts',
  options: { 'dry-run': DRY_RUN, reason: REASON },
  run: (options) => onDatabase('demo remove', flags(options)),
}

const keysList: Verb = {
  name: 'keys list',
  summary: 'Show the signing keys, and what is due when',
  options: {},
  run: () => onDatabase('keys list', {}),
}

const keysRotate: Verb = {
  name: 'keys rotate',
  summary: 'Announce new signing keys; they sign an hour later, when everybody has fetched them',
  options: {
    alg: { type: 'string', value: 'ALG', help: 'ES256, RS256 or EdDSA; left out: a key of each' },
    now: { type: 'boolean', help: 'have them sign at once, or those that were announced before' },
    reason: REASON,
  },
  run: ({ alg, now, reason }) => onDatabase('keys rotate', { ...(alg === undefined ? {} : { alg }), now: now === true, reason }),
}

const keysRetire: Verb = {
  name: 'keys retire',
  summary: 'Take a signing key from its turn: another one signs at once',
  details:
    'What it signed stays good, and it stays published until nothing of that is in use. One that is announced never signs. Write --kid=KID, since some begin with a dash. For a key that somebody else may have: keys compromise.',
  options: { kid: { type: 'string', value: 'KID', help: 'which; "keys list" shows them', required: true }, reason: REASON },
  run: ({ kid, reason }) => onDatabase('keys retire', { kid, reason }),
}

const keysCompromise: Verb = {
  name: 'keys compromise',
  summary: 'Somebody else may have a key: end all that it signed, and have another one sign',
  details:
    'It is no longer published, the servers refuse what it signed within a second, and APIs are told. Write --kid=KID, since some begin with a dash.',
  options: {
    kid: { type: 'string', value: 'KID', help: 'which; "keys list" shows them', required: true },
    'dry-run': DRY_RUN,
    reason: REASON,
  },
  run: ({ kid, ...options }) => onDatabase('keys compromise', { kid, ...flags(options) }),
}

const doctor: Verb = {
  name: 'doctor',
  summary: 'Look at whatever a server needs, and say what is not well and what to do',
  details: 'Works beside a running server, and without one. Ends with 1 when something is wrong.',
  options: {},
  async run() {
    const { runDoctor } = await import('./doctor.ts')
    return runDoctor(() => onDatabase('doctor', {}))
  },
}

const version: Verb = {
  name: 'version',
  summary: 'Show the version',
  options: {},
  async run() {
    const { default: manifest } = await import('../../package.json', { with: { type: 'json' } })
    const data = { latchkey: manifest.version, node: process.versions.node }
    return { text: `Latchkey ${data.latchkey} (Node ${data.node})`, data }
  },
}

/** In the order of the help. */
export const VERBS: readonly Verb[] = [
  serve,
  migrateUp,
  migrateStatus,
  migrateDown,
  doctor,
  configCheck,
  configPrint,
  apply,
  setupLink,
  endEverything,
  endSessions,
  demoRemove,
  keysList,
  keysRotate,
  keysRetire,
  keysCompromise,
  ...ADMINISTRATION_VERBS,
  ...AUDIT_VERBS,
  version,
]

function databaseModules() {
  return Promise.all([import('./database-access.ts'), import('../storage/migrations.ts'), import('./handlers.ts')])
}

async function onDatabase(verb: string, args: Readonly<Record<string, unknown>>) {
  const { runDatabaseVerb } = await import('./database-access.ts')
  return runDatabaseVerb(verb, args)
}

function flags(options: GivenOptions): { dryRun: boolean; reason?: string } {
  return { dryRun: options['dry-run'] === true, ...(typeof options.reason === 'string' ? { reason: options.reason } : {}) }
}

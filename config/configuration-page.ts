// The documents that state the settings, made from the table: docs/configuration.md and config/example.env.
import type { Setting } from './setting.ts'
import { settingGroups, settings } from './settings.ts'

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  return `${[INTRODUCTION, ...settingGroups.map(group), RULES].join('\n\n')}\n`
}

/** The text of config/example.env: every setting with its default, commented out, for a production server to start from. */
export function exampleEnv(): string {
  const lines = [
    '# Every setting of Latchkey; the meaning of each is in docs/configuration.md.',
    '# Written from config/settings.ts by `npm run docs`. The samples of secrets are refused in production.',
  ]
  for (const { title, settings: rows } of settingGroups) {
    lines.push('', `# --- ${title} ---`)
    for (const row of rows) lines.push(exampleLine(row))
  }
  return `${lines.join('\n')}\n`
}

const INTRODUCTION = `<!-- Written from config/settings.ts by \`npm run docs\`; a test compares. -->
# Configuration

Latchkey is configured by environment variables. In development every one of them has a default, so that nothing needs to be set;
production asks for what it needs. All faults are reported at once, each with what was read, what is wanted and an example, and the
program ends with exit code 1 before it has written anything. \`npx latchkey config check\` does only that; \`npx latchkey config print\`
shows what is in force and where it came from, secrets as \`[redacted]\`; so does the console, under **Settings**.

\`config/example.env\` has all of them to start from.`

const RULES = `## Rules

- **Secrets in files.** Each setting under *Secrets* can be given as \`NAME_FILE\` instead: the path of a file that holds the value.
  Line breaks at the end are not part of it. Giving both, or a file that cannot be read, is a fault.
- **Unknown names.** A variable that begins with \`LATCHKEY_\` and is not listed here is a fault, with the name that was probably meant.
- **Empty is missing.** A variable that is empty counts as not set.
- **Times** are whole seconds or a number with a unit: \`s\`, \`m\`, \`h\`, \`d\`.
- **Policy in the provision file.** Every \`LATCHKEY_…\` setting can also stand under \`settings:\` in the file that \`PROVISION_FILE\` names,
  in lower case and without the prefix (\`access_token_ttl: 15m\`). It is checked by the same rules and read at start. The environment
  wins over the file. \`latchkey apply -f\` checks the \`settings\` of a file and does not store them.
- **The issuer** is an origin such as \`https://id.example.com\`. A path is refused. Its spelling is made one: host in lower case,
  no default port, no slash at the end.
- **Made for development.** Without \`ENCRYPTION_KEY\` or \`COOKIE_KEYS\`, development makes keys once and keeps them in
  \`DATA_DIR/development-secrets.json\` (mode 0600).

## What production refuses

With \`NODE_ENV=production\` these are faults, each with the line to add: no \`ISSUER\`, or one by http whose host is not this machine · no
\`DATABASE_URL\` (the embedded database is for development) · no \`REDIS_URL\` (sessions in memory) · no \`ENCRYPTION_KEY\` or \`COOKIE_KEYS\`,
or weak ones: made of a few characters, or with words such as "change-me" in them · the sample values of \`config/example.env\` ·
\`DEMO=on\` · \`LATCHKEY_RATE_LIMITS=off\` · port 0.`

function group({ title, settings: rows }: (typeof settingGroups)[number]): string {
  const lines = rows.map((row) => `| \`${row.variable}\` | ${defaultOf(row)} | ${row.wanted} | ${row.meaning} |`)
  return [`## ${title}`, '', '| variable | default | value | meaning |', '|---|---|---|---|', ...lines].join('\n')
}

function defaultOf(row: Setting<unknown>): string {
  const { development, production } = row.defaultText
  if (development === undefined || production === undefined) return row.otherwise ?? 'none'
  if (development === production) return spelt(development)
  return `${spelt(development)} in development, ${spelt(production)} in production`
}

function spelt(text: string): string {
  return text === '' ? 'none' : `\`${text}\``
}

/** What a production server must set stands uncommented; the rest shows its default, or its example where it has none. */
function exampleLine(row: Setting<unknown>): string {
  const required: readonly Setting<unknown>[] = [
    settings.environment,
    settings.issuer,
    settings.databaseUrl,
    settings.redisUrl,
    settings.encryptionKeys,
    settings.cookieKeys,
  ]
  if (required.includes(row)) return `${row.variable}=${row.example}`
  return `#${row.variable}=${row.defaultText.production || row.example}`
}

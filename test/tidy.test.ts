// The sources keep the house rules, and the rules themselves can tell: each is shown a file that breaks it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { findViolations } from './support/source-rules.ts'
import { readSources, type SourceFile } from './support/source-rules-files.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DEPENDENCIES = new Set(Object.keys(readJson('package.json').dependencies))

test('every source file keeps the house rules', () => {
  const sources = readSources(ROOT)
  expect(sources.length).toBeGreaterThan(50)
  expect(findViolations(sources, DEPENDENCIES).map(({ rule, path, line, what }) => `${path}:${line} ${rule}: ${what}`)).toEqual(
    [],
  )
})

describe('a planted violation is found', () => {
  const opening = '// Owns nothing.\n'
  const cases: [rule: string, path: string, text: string][] = [
    ['import table', 'config/config.ts', "import { pool } from '../server/storage/postgres.ts'"],
    ['import table', 'views/login.ts', "import type { Account } from '../server/accounts/accounts.ts'"],
    ['import table', 'server/tokens/families.ts', "import { sessions } from '../sessions/sessions.ts'"],
    ['import table', 'server/grants/grants.ts', "import { sessions } from '../sessions/sessions.ts'"],
    ['import table', 'server/audit/audit.ts', "import { accounts } from '../accounts/accounts.ts'"],
    ['import table', 'server/http/form.ts', "const late = await import('../audit/audit.ts')"],
    ['import table', 'server/accounts/accounts.ts', "export { provider } from '../provider/provider.ts'"],
    ['import table', 'server/interactions/login.ts', "import { openPostgres } from '../storage/postgres.ts'"],
    ['import table', 'server/interactions/login.ts', "type Port = import('../account-console/page.ts').Page"],
    ['import table', 'server/setup/setup.ts', "import { Prisma } from '../../prisma/client/client.ts'"],
    ['import table', 'server/provider/provider.ts', "import { compose } from '../compose.ts'"],
    ['import table', 'examples/api/main.ts', "import { guard } from '../../server/app.ts'"],
    ['unknown place', 'server/cupboard/cups.ts', 'export const cups = 2'],
    ['unknown place', 'scratch.ts', 'export const scratch = 1'],
    ['reserved package', 'server/accounts/accounts.ts', "import { Redis } from 'ioredis'"],
    ['reserved package', 'server/composition/stores.ts', "import { Redis } from 'ioredis'"],
    ['reserved package', 'server/interactions/login.ts', "import type { Redis } from 'ioredis'"],
    ['reserved package', 'server/tokens/families.ts', "import pg from 'pg'"],
    ['reserved package', 'server/accounts/accounts.ts', "import { errors } from 'oidc-provider'"],
    ['reserved package', 'server/sessions/sessions.ts', "import Koa from 'koa'"],
    ['undeclared package', 'server/http/form.ts', "import { expect } from '@jest/globals'"],
    ['deep import', 'server/provider/provider.ts', "import { keys } from 'oidc-provider/lib/helpers/weak_cache.js'"],
    ['deep import', 'server/provider/provider.ts', "import keys from 'oidc-provider/package.json'"],
    ['deep import', 'test/flows/code.test.ts', "import { run } from 'jest/build/run.js'"],
    ['file size', 'server/http/form.ts', 'void 0\n'.repeat(300)],
    ['file size', 'test/flows/code.test.ts', 'void 0\n'.repeat(600)],
    ['drawer', 'server/http/utils/escape.ts', 'export const escape = 1'],
    ['drawer', 'server/accounts/account-service.ts', 'export const service = 1'],
    ['drawer', 'server/accounts/types.ts', 'export type Name = string'],
    ['any', 'server/http/form.ts', 'export const form: any = 1'],
    ['any', 'test/http/form.test.ts', 'export const form = {} as Record<string, any>'],
    ['default export', 'server/http/form.ts', 'export default 1'],
    ['default export', 'server/http/form.ts', 'const form = 1\nexport { form as default }'],
    ['environment', 'server/http/form.ts', 'export const port = process.env.PORT'],
    ['environment', 'server/http/form.ts', "import { env } from 'node:process'\nexport const port = env.PORT"],
    ['environment', 'server/http/form.ts', 'const { env } = process\nexport const port = env.PORT'],
    ['environment', 'test/http/form.test.ts', "export const port = process['env'].PORT"],
    ['skipped or focused test', 'test/http/form.test.ts', "test.skip('later', () => {})"],
    ['skipped or focused test', 'test/http/form.test.ts', "describe.only.each([1])('this', () => {})"],
    ['skipped or focused test', 'test/http/form.test.ts', "xit('later', () => {})"],
    ['clock', 'server/sessions/sessions.ts', 'export const now = Date.now()'],
    ['clock', 'server/sessions/sessions.ts', 'export const now = new Date()'],
    ['joined signals', 'guard/requests.ts', 'export const both = (one, other) => AbortSignal.any([one, other])'],
    ['query', 'server/interactions/login.ts', 'export const read = (db) => db.$queryRaw`select 1`'],
    ['query', 'server/http/rate-limit.ts', 'export const read = (tx) => tx.account.findMany()'],
    ['query', 'server/provider/provider.ts', 'export const read = (db) => db.client.findUnique({})'],
    ['query', 'server/compose.ts', 'export const read = (db) => db.$executeRaw`select 1`'],
    ['unsafe query', 'server/accounts/accounts.ts', "export const read = (db, name) => db.$queryRawUnsafe('select ' + name)"],
    ['evaluation', 'server/http/form.ts', "export const sum = new Function('return 1')"],
    ['inline disable', 'server/http/form.ts', '// biome-ignore lint: not now\nexport const form = 1'],
    ['inline disable', 'server/http/form.ts', '/* @ts-expect-error */\nexport const form = 1'],
    ['unfinished work', 'server/http/form.ts', '// TODO: everything\nexport const form = 1'],
  ]
  test.each(cases)('%s in %s (%#)', (rule, path, text) => {
    expect(rulesBroken([{ path, text: `${opening}${text}\n` }])).toEqual([rule])
  })

  test('a file without an opening comment', () => {
    expect(rulesBroken([{ path: 'server/http/form.ts', text: 'export const form = 1\n' }])).toEqual(['opening comment'])
  })

  test('files that import each other in a circle, types and all', () => {
    const cycle = [
      { path: 'server/http/one.ts', text: `${opening}import { two } from './two.ts'\n` },
      { path: 'server/http/two.ts', text: `${opening}import type { Three } from './three.ts'\n` },
      { path: 'server/http/three.ts', text: `${opening}export const one = () => import('./one.ts')\n` },
    ]
    expect(rulesBroken(cycle)).toEqual(['import cycle'])
  })
})

describe('what the rules must let pass', () => {
  const opening = '// Owns nothing.\n'
  const cases: [path: string, text: string][] = [
    ['server/accounts/password-change.ts', "import type { Ended } from '../tokens/ending.ts'"],
    ['server/clients/clients-store.ts', 'export const read = (db) => db.client.findMany()'],
    ['server/interactions/login.ts', "import { page } from '../../views/interactions/login.ts'\nimport type Koa from 'koa'"],
    ['server/app.ts', "import { login } from './interactions/login.ts'\nimport { openRedis } from './storage/redis.ts'"],
    ['server/composition/stores.ts', "import type { Redis } from 'ioredis'"],
    ['server/composition/nouns.ts', "import type Provider from 'oidc-provider'"],
    ['bin/latchkey.js', "process.env.PATH += ''"],
    ['config/config.ts', 'export const environment = process.env'],
    ['test/http/form.test.ts', "const words = 'TODO biome-ignore: in a string, not in a comment'"],
    ['server/sessions/sessions.ts', 'export const at = (milliseconds) => new Date(milliseconds)'],
  ]
  test.each(cases)('%s (%#)', (path, text) => {
    expect(rulesBroken([{ path, text: `${opening}${text}\n` }])).toEqual([])
  })
})

test('the linter counts the lines of functions and looks for cycles, and nothing switches that off for the program', () => {
  const { linter, overrides } = readJson('biome.json')
  expect(linter.rules.complexity.noExcessiveLinesPerFunction).toEqual({ level: 'error', options: { maxLines: 60 } })
  expect(linter.rules.suspicious.noImportCycles).toBe('error')
  const relaxed = overrides.filter((override: { linter: { rules: object } }) => 'complexity' in override.linter.rules)
  expect(relaxed.flatMap((override: { includes: string[] }) => override.includes)).toEqual(['test/**', 'bench/**'])
})

describe('the lock file', () => {
  const { packages } = readJson('package-lock.json') as { packages: { [path: string]: LockedPackage } }

  test('names no registry, so that every machine asks its own', () => {
    expect(Object.entries(packages).filter(([, locked]) => locked.resolved !== undefined)).toEqual([])
  })

  test('has an entry for every package that another one names, or npm ci would refuse it', () => {
    const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !foldersAbove(path).some((folder) => `${folder}node_modules/${name}` in packages))
        .map((name) => `${path} needs ${name}`),
    )
    expect(missing).toEqual([])
  })

  test('and every install script is answered for by name: none of them is needed to run', () => {
    const scripted = Object.entries(packages).filter(([path, locked]) => path !== '' && locked.hasInstallScript)
    const answers = readJson('package.json').allowScripts
    expect(scripted.filter(([path]) => answers[path.replace(/^.*node_modules\//, '')] !== false).map(([path]) => path)).toEqual(
      [],
    )
  })
})

interface LockedPackage {
  readonly resolved?: string
  readonly hasInstallScript?: boolean
  readonly dependencies?: object
  readonly optionalDependencies?: object
}

function foldersAbove(path: string): string[] {
  const steps = path.split(/(?<=\/)(?=node_modules\/)/)
  return [
    ...steps.map(
      (_, index) =>
        `${steps
          .slice(0, index + 1)
          .join('')
          .replace(/\/$/, '')}/`,
    ),
    '',
  ].filter((folder) => folder !== '/')
}

function rulesBroken(sources: readonly SourceFile[]): string[] {
  return [...new Set(findViolations(sources, DEPENDENCIES).map((violation) => violation.rule))]
}

function readJson(path: string) {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
}

// The documents that state the settings say what the table says.
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { configurationPage, exampleEnv } from '../../config/configuration-page.ts'
import { defaultIn } from '../../config/setting.ts'
import { POLICY_PREFIX, settingGroups, settings } from '../../config/settings.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('docs/configuration.md is what `npm run docs` writes', () => {
  expect(read('docs/configuration.md')).toBe(configurationPage())
})

test('config/example.env is what `npm run docs` writes', () => {
  expect(read('config/example.env')).toBe(exampleEnv())
})

test('every setting is in a group, once', () => {
  const grouped = settingGroups.flatMap((group) => group.settings)
  expect(new Set(grouped)).toEqual(new Set(Object.values(settings)))
  expect(grouped).toHaveLength(Object.keys(settings).length)
  expect(new Set(grouped.map((row) => row.variable)).size).toBe(grouped.length)
})

test('the names of the contract are there', () => {
  const variables = Object.values(settings).map((row) => row.variable)
  expect(new Set(variables.filter((name) => !name.startsWith(POLICY_PREFIX)))).toEqual(
    new Set([
      ...['NODE_ENV', 'HOST', 'PORT', 'ISSUER', 'DATABASE_URL', 'REDIS_URL', 'DATA_DIR', 'ENCRYPTION_KEY', 'COOKIE_KEYS'],
      ...['MIGRATION_DATABASE_URL', 'SMTP_URL', 'MAIL_FROM', 'TRUST_PROXY', 'LOG_LEVEL', 'LOG_FORMAT', 'PROVISION_FILE'],
      ...['DEMO', 'WORKERS', 'MANAGEMENT_PORT', 'MANAGEMENT_HOST'],
    ]),
  )
})

test.each(Object.values(settings).map((row) => [row.variable, row] as const))(
  '%s: its example and its defaults are right values',
  (_, row) => {
    expect(row.schema.safeParse(row.example).success).toBe(true)
    for (const environment of ['development', 'production'] as const) {
      const text = defaultIn(environment, row)
      if (text !== undefined) expect(row.schema.safeParse(text).success).toBe(true)
    }
  },
)

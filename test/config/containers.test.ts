// No container engine runs here; what the files say of the program can be held to the program all the same.
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { z } from 'zod'
import { settings } from '../../config/settings.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const here = (path: string) => existsSync(new URL(`../../${path}`, import.meta.url))

const service = z.object({
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  secrets: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
})
const composeFile = z.object({
  services: z.object({ latchkey: service, postgres: service, redis: service }),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
})
const compose = composeFile.parse(parse(read('docker-compose.yml')))

const rows = Object.values(settings)
const known = rows.flatMap((row) => (row.secret ? [row.variable, `${row.variable}_FILE`] : [row.variable]))

test('docker-compose.yml sets what there is, and all that production needs', () => {
  const names = Object.keys(compose.services.latchkey.environment)
  expect(known).toEqual(expect.arrayContaining(names))
  expect(names).toEqual(
    expect.arrayContaining([
      'NODE_ENV',
      'ISSUER',
      'DATABASE_URL_FILE',
      'REDIS_URL_FILE',
      'ENCRYPTION_KEY_FILE',
      'COOKIE_KEYS_FILE',
    ]),
  )
})

test('no password stands in it: secrets are files, each declared and used', () => {
  const all = [compose.services.latchkey, compose.services.postgres, compose.services.redis]
  const used = all.flatMap(({ secrets }) => secrets)
  expect(new Set(used)).toEqual(new Set(Object.keys(compose.secrets)))
  for (const { environment, secrets } of all) {
    for (const [name, value] of Object.entries(environment)) {
      if (/PASSWORD|SECRET|KEY|_URL/.test(name))
        expect([name, value]).toEqual([expect.stringMatching(/_FILE$/), expect.stringMatching(/^\/run\/secrets\//)])
      if (String(value).startsWith('/run/secrets/')) expect(secrets).toContain(String(value).replace('/run/secrets/', ''))
    }
  }
  expect(read('.gitignore').split('\n')).toContain('secrets/')
})

test('the issuer has no default', () => {
  expect(compose.services.latchkey.environment.ISSUER).toMatch(/^\$\{LATCHKEY_PUBLIC_URL:\?/)
})

test('each store is waited for until it is healthy', () => {
  expect(compose.services.postgres.healthcheck?.test.join(' ')).toContain('pg_isready')
  expect(compose.services.redis.healthcheck?.test.join(' ')).toContain('redis-cli ping')
})

test('the image copies what is there, sets what there is, and runs as somebody', () => {
  const dockerfile = read('Dockerfile')
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '))
  expect(copied.length).toBeGreaterThan(5)
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))
  for (const path of copied) {
    expect([path, here(path)]).toEqual([path, true])
    expect(allowed).toContain(path)
  }
  const [, environment = ''] = /^ENV ((?:.*\\\n)*.*)$/m.exec(dockerfile) ?? []
  const names = [...environment.matchAll(/([A-Z_]+)=/g)].map(([, name]) => name)
  expect(names).toContain('MANAGEMENT_PORT')
  expect(known).toEqual(expect.arrayContaining(names))
  expect(dockerfile).toMatch(/^USER node$/m)
  expect(dockerfile).toMatch(/^HEALTHCHECK [\s\S]*\/livez/m)
  expect(dockerfile).not.toMatch(/apt-get|build-essential/)
})

// Policy settings of the provision file, and the places that faults of files name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { loadConfig, settingsInForce } from '../../config/config.ts'
import { parsePositioned } from '../../config/positioned-yaml.ts'
import { DEVELOPMENT, faultsOf, PRODUCTION } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-provision-'))
afterAll(() => rmSync(folder, { recursive: true }))

function provision(content: string): Record<string, string> {
  const path = join(folder, 'provision.yaml')
  writeFileSync(path, content)
  return { ...DEVELOPMENT, PROVISION_FILE: path }
}

test('policy stands in the provision file, with the types that YAML has', () => {
  const { config } = loadConfig(
    provision(
      'clients: []\nsettings:\n  access_token_ttl: 10m\n  password_history: 8\n  rate_limits: false\n  host_aliases: [a.test, b.test]\n  sign_out_scope: account\n',
    ),
  )
  expect(config.lifetimes.accessToken).toBe(600)
  expect(config.passwordPolicy.history).toBe(8)
  expect(config.rateLimits.enabled).toBe(false)
  expect(config.hostAliases).toEqual(['a.test', 'b.test'])
  expect(config.signOutScope).toBe('account')
  expect(config.provisionFile).toBe(join(folder, 'provision.yaml'))
})

test('the environment wins over the file', () => {
  const variables = { ...provision('settings: { password_history: 8, password_min_length: 20 }'), LATCHKEY_PASSWORD_HISTORY: '2' }
  expect(loadConfig(variables).config.passwordPolicy).toEqual({ minLength: 20, maxLength: 256, history: 2 })
  const shown = settingsInForce(variables)
  expect(shown.find((entry) => entry.variable === 'LATCHKEY_PASSWORD_MIN_LENGTH')).toMatchObject({
    value: '20',
    source: 'provision file',
  })
})

test('faults name the line, and come with all the others', () => {
  const faults = faultsOf({
    ...provision('settings:\n  acess_token_ttl: 15m\n  password_history: 99\n  session_ttl: { a: 1 }\n'),
    PORT: 'x',
  })
  expect(faults.map((fault) => fault.name.replace(`${folder}/`, ''))).toEqual([
    'settings.acess_token_ttl (provision.yaml:2:3)',
    'settings.password_history (provision.yaml:3:3)',
    'settings.session_ttl (provision.yaml:4:3)',
    'PORT',
  ])
  expect(faults[0]).toMatchObject({ wanted: 'did you mean access_token_ttl?', example: 'access_token_ttl: 15m' })
  expect(faults[1]).toMatchObject({ read: '"99"', example: 'password_history: 5' })
})

test('production refuses in the file what it refuses in the environment', () => {
  const { PROVISION_FILE } = provision('settings: { rate_limits: off }')
  expect(faultsOf({ ...PRODUCTION, PROVISION_FILE }).map((fault) => fault.name)).toEqual(['LATCHKEY_RATE_LIMITS'])
})

test.each(['', 'clients: []', 'settings:', 'settings: {}'])('a file without settings is fine (%j)', (content) => {
  expect(faultsOf(provision(content))).toEqual([])
})

test('a file that cannot be read or parsed is a fault of PROVISION_FILE', () => {
  expect(faultsOf({ ...DEVELOPMENT, PROVISION_FILE: join(folder, 'none.yaml') })).toMatchObject([
    { name: 'PROVISION_FILE', read: expect.stringContaining('ENOENT') },
  ])
  expect(faultsOf(provision('a: 1\nb: [1'))).toMatchObject([
    { name: 'PROVISION_FILE', read: expect.stringContaining('provision.yaml:2:') },
  ])
  expect(faultsOf(provision('settings: [1]'))).toMatchObject([
    { name: expect.stringContaining('settings ('), wanted: 'keys with values' },
  ])
})

test('places: of values, of keys, of what is not there, through aliases', () => {
  const file = parsePositioned('clients:\n  - &a\n    id: one\n    uris: [x, y]\n  - *a\nname: n\n', 'f.yaml')
  expect(file.faults).toEqual([])
  expect(file.placeOf([])).toBe('f.yaml:1:1')
  expect(file.placeOf(['clients', 0, 'id'])).toBe('f.yaml:3:9')
  expect(file.placeOf(['clients', 0], 'id')).toBe('f.yaml:3:5')
  expect(file.placeOf(['clients', 0, 'uris', 1])).toBe('f.yaml:4:15')
  expect(file.placeOf(['clients', 0, 'missing', 'deeper'])).toBe('f.yaml:3:5')
  expect(file.placeOf(['clients', 1, 'id'])).toBe('f.yaml:3:9')
  expect(file.placeOf(['name', 'x'])).toBe('f.yaml:6:7')
})

test('a key that stands twice, an unknown tag and an alias bomb are faults', () => {
  expect(parsePositioned('a: 1\na: 2\n', 'f').faults).toMatchObject([{ place: 'f:2:1' }])
  expect(parsePositioned('a: !!js/function x\n', 'f').faults).not.toEqual([])
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`
  expect(parsePositioned(bomb, 'f').faults).not.toEqual([])
})

test('JSON is read as well', () => {
  expect(parsePositioned('{\n\t"a": [1, "two", null, true]\n}\n', 'f.json')).toMatchObject({
    value: { a: [1, 'two', null, true] },
    faults: [],
  })
})

// How the command line reads its arguments, helps, and ends.
import { describe, expect, test } from '@jest/globals'
import { CommandFailed } from '../../server/commands/control-socket.ts'
import { latchkey } from '../../server/commands/latchkey.ts'
import { ProvisionFileError } from '../../server/commands/provision-file.ts'
import type { GivenOptions, Verb } from '../../server/commands/verb.ts'
import { VERBS } from '../../server/commands/verbs.ts'

const given: GivenOptions[] = []

const VERBS_OF_THE_TEST: readonly Verb[] = [
  {
    name: 'plant',
    summary: 'Plant a tree',
    details: 'It grows.',
    options: {
      kind: { type: 'string', short: 'k', value: 'KIND', help: 'which', required: true },
      deep: { type: 'boolean', help: 'deeply' },
    },
    run: async (options) => {
      given.push(options)
      return { text: `planted ${options.kind}`, data: { kind: options.kind } }
    },
  },
  { name: 'water all', summary: 'Water all', options: {}, run: async () => ({ text: '', data: undefined, exitCode: 1 }) },
  {
    name: 'water one',
    summary: 'Water one',
    options: {},
    run: async () => {
      throw new CommandFailed('there is no water')
    },
  },
  {
    name: 'prune',
    summary: 'Prune',
    options: {},
    run: async () => {
      throw new ProvisionFileError([{ place: 'f:1:2', message: 'no' }])
    },
  },
  {
    name: 'fell',
    summary: 'Fell',
    options: {},
    run: async () => {
      throw new TypeError('a fault of ours')
    },
  },
]

async function call(...argv: string[]) {
  let out = ''
  let err = ''
  const output = {
    out: (text: string) => {
      out += text
    },
    err: (text: string) => {
      err += text
    },
  }
  const code = await latchkey(argv, output, VERBS_OF_THE_TEST)
  return { code, out, err }
}

describe('a verb', () => {
  test('runs with its options, and says what it did', async () => {
    await expect(call('plant', '-k', 'oak', '--deep')).resolves.toEqual({ code: 0, out: 'planted oak', err: '' })
    expect(given.at(-1)).toMatchObject({ kind: 'oak', deep: true })
    await expect(call('plant', '--kind=elm')).resolves.toMatchObject({ out: 'planted elm' })
  })

  test('says it as JSON when asked', async () => {
    const { code, out } = await call('plant', '-k', 'oak', '--json')
    expect([code, JSON.parse(out)]).toEqual([0, { kind: 'oak' }])
  })

  test('decides on the exit code', async () => {
    await expect(call('water', 'all')).resolves.toEqual({ code: 1, out: '', err: '' })
  })
})

describe('2: not called rightly', () => {
  test.each([
    [[], 'say what to do'],
    [['plan'], 'did you mean plant?'],
    [['zzz'], 'there is no verb "zzz"'],
    [['water'], 'say which: water all · water one'],
    [['water', 'some'], 'there is no verb "water some"'],
    [['plant'], '-k KIND, --kind KIND is missing'],
    [['plant', '-k'], 'latchkey plant:'],
    [['plant', '-k', 'oak', '--deeply'], "Unknown option '--deeply'"],
    [['plant', '-k', 'oak', 'too', 'many'], 'latchkey plant:'],
    [['plant', '-k', 'oak', '--deep=yes'], 'latchkey plant:'],
  ])('%j', async (argv, message) => {
    const { code, out, err } = await call(...argv)
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain(message)
    expect(err).toContain('Usage: latchkey')
  })
})

describe('1: failed', () => {
  test('what can be mended is said in one line', async () => {
    await expect(call('water', 'one')).resolves.toEqual({ code: 1, out: '', err: 'latchkey water one: there is no water' })
  })

  test('or as JSON, with the single faults', async () => {
    const { code, out, err } = await call('prune', '--json')
    expect([code, err]).toEqual([1, ''])
    expect(JSON.parse(out)).toEqual({ error: 'f:1:2: no', faults: [{ place: 'f:1:2', message: 'no' }] })
  })

  test('a fault of the program comes with its trace', async () => {
    const { code, err } = await call('fell')
    expect(code).toBe(1)
    expect(err).toMatch(/TypeError: a fault of ours\n\s+at /)
  })
})

describe('help', () => {
  test.each([['--help'], ['-h'], ['help']])('of all: %s', async (word) => {
    const { code, out } = await call(word)
    expect(code).toBe(0)
    for (const { name, summary } of VERBS_OF_THE_TEST) expect(out).toMatch(new RegExp(`${name} +${summary}`))
  })

  test('of each', async () => {
    const { code, out } = await call('plant', '--help')
    expect(code).toBe(0)
    expect(out).toContain('Usage: latchkey plant -k KIND [options]')
    for (const part of ['Plant a tree.', 'It grows.', '-k KIND, --kind KIND', '--deep', '--json', '-h, --help'])
      expect(out).toContain(part)
  })
})

test('the verbs are those that are built, by the names of the contract', () => {
  expect(VERBS.map(({ name }) => name)).toEqual([
    'serve',
    'migrate up',
    'migrate status',
    'migrate down',
    'doctor',
    'config check',
    'config print',
    'apply',
    'admin setup-link',
    'end everything',
    'end sessions',
    'demo remove',
    'keys list',
    'keys rotate',
    'keys retire',
    'keys compromise',
    ...['accounts list', 'accounts show', 'accounts unlock'],
    ...['accounts suspend', 'accounts reinstate', 'accounts contain', 'accounts delete'],
    ...['clients list', 'clients show', 'clients rotate-secret'],
    ...['clients suspend', 'clients reinstate', 'clients delete', 'clients compromise'],
    ...['sessions list', 'sessions revoke', 'grants list', 'grants revoke', 'tokens inspect', 'tokens revoke'],
    'audit tail',
    'audit export',
    'audit verify',
    'version',
  ])
})

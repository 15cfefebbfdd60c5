// The benchmark runs: for a moment, on the bare library only, so that it still does when it is needed. Nothing is timed.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { measureConsole } from '../../bench/console/console.ts'
import { startOnKept } from '../../bench/console/kept.ts'
import { measureListeners } from '../../bench/listeners/listeners.ts'
import { openConnection, requestText } from '../../bench/load/connection.ts'
import type { Measurement } from '../../bench/load/load.ts'
import { HELP, OptionError, readOptions } from '../../bench/options.ts'
import { partsOf } from '../../bench/profile/profile.ts'
import { withFigures } from '../../bench/report/documents.ts'
import { isRightRefresh, judge } from '../../bench/report/goals.ts'
import { summarize } from '../../bench/report/medians.ts'
import type { Report } from '../../bench/report/report.ts'
import { consoleTable, formatReport, listenersTable, revocationTable, roundsTable } from '../../bench/report/screen.ts'
import { measureRevocation } from '../../bench/revocation/revocation.ts'
import { runBench } from '../../bench/run.ts'
import { discover } from '../../bench/scenarios/scenario.ts'
import { SCENARIOS } from '../../bench/scenarios/scenarios.ts'
import { startOnMap } from '../../bench/targets/bare.ts'
import { startStores } from '../../bench/targets/stores.ts'
import type { Stores } from '../../bench/targets/target.ts'
import { TARGETS } from '../../bench/targets/targets.ts'
import { run } from '../support/postgres.ts'

/** Starts no store, and takes no longer than it must. */
const QUICK = ['--targets', 'bare', '--seconds', '0.05', '--rounds', '1', '--concurrency', '4', '--idle', '0', '--out', '']
const SLOW_MACHINE_MS = 120_000

describe('a run on the bare library', () => {
  let report: Report
  beforeAll(async () => {
    const everything = SCENARIOS.map(({ name }) => name).join(',')
    report = await runBench(readOptions([...QUICK, '--only', everything, '--race-rounds', '1']), () => {})
  }, SLOW_MACHINE_MS)

  const done = SCENARIOS.filter((scenario) => scenario.latchkeyOnly !== true)
  test.each(done.map(({ name }) => name))('does the work of %s, or it would have thrown', (name) => {
    const found = report.results.find((result) => result.name === name)?.medians.bare
    expect(found?.perSecond).toBeGreaterThan(0)
    expect(found?.p99).toBeGreaterThanOrEqual(found?.p50 ?? Number.NaN)
    expect(found?.residentBytes).toBeGreaterThan(20_000_000)
  })

  test('is shown as a table with a line for each kind of work', () => {
    const table = roundsTable(report.results)
    for (const { name } of done) expect(table).toMatch(new RegExp(`^${name} +bare[^\\d]*( +[\\d.]+){7}$`, 'm'))
  })

  test('shows what the races are there for: the bare library does not keep one refresh token alive', () => {
    expect(report.races.bare?.refreshes.map(isRightRefresh)).toEqual([false])
  })

  test('tells where the processor time goes, when it is asked', async () => {
    const options = readOptions([...QUICK, '--only', 'discovery', '--race-rounds', '0', '--profile'])
    const [discovery] = (await runBench(options, () => {})).profiles
    expect(discovery).toMatchObject({ scenario: 'discovery', target: 'bare' })
    expect(discovery?.parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
  })

  test('goes into the page, between the marks and nowhere else', () => {
    const page = readFileSync('docs/performance.md', 'utf8')
    const [before, after] = [page.split('<!-- figures')[0], page.split('<!-- end of the figures -->')[1]]
    const written = withFigures(page, report)
    expect(written.startsWith(before ?? '?')).toBe(true)
    expect(written.endsWith(after ?? '?')).toBe(true)
    expect(written).toContain(formatReport(report))
    expect(withFigures(written, report)).toBe(written)
    expect(() => withFigures('a page without marks', report)).toThrow('no place')
  })
})

test('revocation is measured where it is felt, and has a place of its own in the page', async () => {
  const stores = await startStores()
  try {
    const addresses = await stores.newAddresses()
    const target = await TARGETS.latchkey.start(addresses, stores.pids)
    try {
      const few = { guards: 3, perSecond: 20, seconds: 1, entries: 500, pairs: 40 }
      const small = { ...few, accountGrants: 20, clientGrants: 100, quietMs: 300, afterwardsMs: 300 }
      const revocation = await measureRevocation(target, addresses, small, () => {})
      expect(revocation).toMatchObject({ revocations: 20, bulkEnds: [{ grants: 20 }, { grants: 100 }] })
      expect(revocation.entries).toBeGreaterThanOrEqual(500)
      const report: Report = { ...EMPTY, revocation, verdicts: [] }
      const written = withFigures(readFileSync('docs/performance.md', 'utf8'), report)
      expect(written.split('revocation --write-docs -->')[1]).toContain(revocationTable(report))
      expect(judge(report).map(({ what }) => what)).toContain('revocation to refusal at a guarded API, p99')
    } finally {
      await target.stop()
    }
  } finally {
    await stores.stop()
  }
}, 120_000)

test('sign-ins are measured while guards listen, which must all have been told, and have a place of their own in the page', async () => {
  const stores = await startStores()
  try {
    const target = await TARGETS.latchkey.start(await stores.newAddresses(), stores.pids)
    try {
      const few = { listeners: 5, signInsPerSecond: 4, revocationsPerSecond: 4, seconds: 1, rounds: 2 }
      const listeners = await measureListeners(target, few, () => {})
      expect(listeners).toMatchObject({ listeners: 5, told: 8 })
      const report: Report = { ...EMPTY, listeners, verdicts: [] }
      const written = withFigures(readFileSync('docs/performance.md', 'utf8'), report)
      expect(written.split('listeners --write-docs -->')[1]).toContain(listenersTable(report))
      expect(judge(report).map(({ what }) => what)).toEqual(['sign-ins while 5 guards listen, p99'])
    } finally {
      await target.stop()
    }
  } finally {
    await stores.stop()
  }
}, 120_000)

test('what is filled in for the console is kept where somebody wants that, and each run has a copy of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  try {
    const size = { sessions: 100, auditEvents: 100 }
    const filledAt = new Set<number>()
    for (let times = 0; times < 2; times += 1) {
      const stores = await startStores(folder)
      try {
        const addresses = { databaseUrl: '' }
        const kept = await startOnKept(folder, size, watched(stores, addresses), () => {})
        await kept.target.stop()
        filledAt.add(kept.filledAt)
        // The one before took them away from its copy.
        expect(
          await run(addresses.databaseUrl, "SELECT count(*)::int AS many FROM sessions WHERE id LIKE 'ses_filled%'"),
        ).toEqual([{ many: 100 }])
        await run(addresses.databaseUrl, 'DELETE FROM sessions')
        await expect(startOnKept(folder, { ...size, sessions: 200 }, stores, () => {})).rejects.toThrow('another folder')
      } finally {
        await stores.stop()
      }
    }
    expect(filledAt.size).toBe(1)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 240_000)

test('the console is measured page by page, and has a place of its own in the page', async () => {
  const stores = await startStores()
  try {
    const addresses = await stores.newAddresses()
    const target = await TARGETS.latchkey.start(addresses, stores.pids)
    try {
      const small = { sessions: 400, auditEvents: 500, ended: 220, times: 1, quietMs: 200, afterwardsMs: 200 }
      const figures = await measureConsole(target, addresses, small, () => {})
      expect(figures.answered.map(({ what }) => what)).toContain('audit log, page after page')
      // The filter of the job finds no more than there are, less those of the last minute; one of three had ended.
      expect(figures.job.sessions).toBeGreaterThan(200)
      expect(figures.job.sessions).toBeLessThan(300)
      const report: Report = { ...EMPTY, console: figures, verdicts: [] }
      const written = withFigures(readFileSync('docs/performance.md', 'utf8'), report)
      expect(written.split('console --write-docs -->')[1]).toContain(consoleTable(report))
      expect(judge(report).map(({ what }) => what)).toContain('console, the heaviest page')
    } finally {
      await target.stop()
    }
  } finally {
    await stores.stop()
  }
}, 180_000)

describe('the people of the benchmark', () => {
  test.each([
    ['sign-in', 8],
    ['sign-in-first-party', 5],
    ['second-app', 2],
  ])('%s is %i requests', async (name, requests) => {
    const target = await startOnMap()
    try {
      const server = { endpoints: await discover(target.issuer), answersForJwts: false }
      const [scenario] = SCENARIOS.filter((candidate) => candidate.name === name)
      const [step] = (await scenario?.prepare(server, 1))?.steps ?? []
      const connection = await openConnection(target.issuer)
      let sent = 0
      await step?.({
        ...connection,
        send(request) {
          sent += 1
          return connection.send(request)
        },
      })
      connection.close()
      expect(sent).toBe(requests)
    } finally {
      await target.stop()
    }
  })
})

describe('the targets', () => {
  test('are judged by what was found, and left out when nothing was', () => {
    const rounds = new Map([
      ['latchkey' as const, [round(130)]],
      ['bare' as const, [round(200)]],
      ['prisma' as const, [round(70)]],
    ])
    const results = [summarize({ name: 'refresh', what: '', callers: 1, rounds })]
    const right = { answers: 50, turnedAway: 0, successors: 1, live: 1 }
    const wrong = { answers: 50, turnedAway: 0, successors: 50, live: 50 }
    const trips = { refresh: { postgresTrips: 2, commits: 1, redisTrips: 1 } }
    const verdicts = judge({
      ...EMPTY,
      results,
      counted: { latchkey: { trips } },
      races: { latchkey: { refreshes: [right, wrong], redemptions: [{ ...right, answers: 1, live: 0 }, wrong] } },
      memory: { latchkey: { idleBytes: 180_000_000, mostBytes: 301_000_000 } },
      flood: { perSecond: 200, quiet: { p50: 1, p99: 2 }, flooded: { p50: 1, p99: 8 }, signIns: 1, signInsTurnedAway: 0 },
      growth: { sizes: [1000, 1_000_000], work: { refresh: [round(119), round(100)], 'second-app': [round(121), round(100)] } },
    })
    expect(verdicts.map(({ found, met }) => [found, met])).toEqual([
      ['0.65', true],
      ['1.86', false],
      ['2 PostgreSQL (1 commits), 1 Redis', false],
      ['1 of 2 rounds', false],
      ['1 of 2 rounds', false],
      ['180 MB', true],
      ['301 MB', false],
      ['1.19', true],
      ['1.21', false],
      ['4.00', true],
    ])
    expect(judge(EMPTY)).toEqual([])
    expect(roundsTable(results)).toMatch(/^ +target +≥ 0\.65 met +≥ 2 MISSED$/m)
  })
})

describe('what is made of the rounds', () => {
  test('the median of each figure, and the ratio to the bare library of the median round: the machine may slow down meanwhile', () => {
    const rounds = new Map([
      ['latchkey' as const, [round(900), round(300), round(75)]],
      ['bare' as const, [round(1000), round(400), round(150)]],
    ])
    const { medians, ratios } = summarize({ name: 'refresh', what: '', callers: 1, rounds })
    expect(medians.latchkey?.perSecond).toBe(300)
    expect(medians.bare?.perSecond).toBe(400)
    expect(ratios).toEqual({ latchkey: { bare: { perSecond: 0.75, cpuPerStep: 0.75 } } })
  })
})

test('what native code does counts for whoever called it, and idling for nobody', () => {
  const node = (id: number, hitCount: number, functionName: string, url: string, ...children: number[]) => ({
    ...{ id, hitCount, children },
    callFrame: { functionName, url },
  })
  const nodes = [
    node(1, 0, '(root)', '', 2, 3, 4, 5),
    node(2, 900, '(idle)', ''),
    node(3, 10, '(garbage collector)', ''),
    node(4, 20, 'handle', 'file:///latchkey/node_modules/oidc-provider/lib/a.js', 6),
    node(5, 30, 'find', 'file:///latchkey/server/tokens/refresh-families.ts', 7),
    node(6, 15, 'write', ''),
    node(7, 25, 'query', 'file:///latchkey/node_modules/@prisma/client/runtime/client.mjs'),
  ]
  expect(partsOf({ nodes })).toEqual([
    { part: 'oidc-provider', share: 0.35 },
    { part: 'Latchkey', share: 0.3 },
    { part: '@prisma/client', share: 0.25 },
    { part: 'garbage collection', share: 0.1 },
  ])
})

describe('the options', () => {
  test('measure the main kinds of work when nothing is said, and everything when full is', () => {
    const targets = ['latchkey', 'bare', 'redis', 'prisma']
    expect(readOptions([])).toMatchObject({ seconds: 2, rounds: 3, concurrency: 32, targets })
    expect(readOptions([]).scenarios).toEqual(SCENARIOS.filter(({ main }) => main === true).map(({ name }) => name))
    expect(readOptions([])).toMatchObject({ growth: false, flood: false, count: true, raceRounds: 10 })
    expect(readOptions(['full']).scenarios).toEqual(SCENARIOS.map(({ name }) => name))
    expect(readOptions(['full'])).toMatchObject({ growth: true, flood: true, raceRounds: 100 })
    expect(readOptions(['full']).targets).not.toContain('better-auth')
    expect(readOptions(['rivals']).targets).toEqual([...targets, 'better-auth'])
  })

  test.each([
    [['--seconds', '0']],
    [['--seconds', 'soon']],
    [['--rounds', '1.5']],
    [['--concurrency', '-1']],
    [['--only', 'refresh,coffee']],
    [['--targets', 'everything']],
    [['--faster']],
    [['everything']],
    [['--race-rounds', '-1']],
    [['--idle', 'long']],
  ])('refuse %j', (args) => {
    expect(() => readOptions(args)).toThrow(OptionError)
  })

  test('are all told by --help', () => {
    const ways = ['only', 'targets', 'seconds', 'rounds', 'concurrency', 'idle', 'out', 'from', 'write-docs']
    for (const option of [...ways, 'growth', 'flood', 'race-rounds', 'no-count', 'profile'])
      expect(HELP).toContain(`--${option} `)
    for (const word of ['full', 'rivals']) expect(HELP).toContain(`npm run bench -- ${word} `)
    for (const { name } of SCENARIOS) expect(HELP).toContain(name)
  })
})

describe('the connection', () => {
  const server = createServer((request, response) => {
    response.setHeader('Set-Cookie', ['one=1', 'two=2'])
    if (request.url === '/empty') return void response.writeHead(204).end()
    // Without a length Node sends it in pieces.
    response.write('first piece, ')
    setImmediate(() => response.end('second piece'))
  })
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())))

  test('is kept for several answers, whole, in pieces or empty', async () => {
    const origin = new URL(`http://localhost:${(server.address() as AddressInfo).port}`)
    const connection = await openConnection(origin.href)
    const pieces = await connection.send(requestText('GET', new URL('/pieces', origin)))
    const empty = await connection.send(requestText('POST', new URL('/empty', origin), {}, { a: 'ä' }))
    connection.close()
    expect(pieces).toMatchObject({ status: 200, body: 'first piece, second piece' })
    expect(pieces.headers('set-cookie')).toEqual(['one=1', 'two=2'])
    expect(empty).toMatchObject({ status: 204, body: '' })
  })
})

const EMPTY = {
  startedAt: '2026-01-01T00:00:00.000Z',
  machine: { processors: 2, model: 'a processor', memoryBytes: 4_000_000_000, node: 'v24.0.0' },
  seconds: 1,
  rounds: 1,
  results: [],
  memory: {},
  counted: {},
  races: {},
  profiles: [],
}

function round(figure: number): Measurement {
  return {
    perSecond: figure,
    p50: figure,
    p99: figure,
    cpuPerStep: figure,
    helperCpuPerStep: figure,
    storeCpuPerStep: figure,
    residentBytes: figure,
    turnedAway: figure,
  }
}

/** The same stores; where the last database was made is written down. */
function watched(stores: Stores, last: { databaseUrl: string }): Stores {
  return {
    pids: stores.pids,
    async newAddresses(database) {
      const made = await stores.newAddresses(database)
      last.databaseUrl = made.databaseUrl
      return made
    },
  }
}

// The benchmark runs: for a moment, on the bare library only, so that it still does when it is needed. Nothing is timed.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { runBench } from '../../bench/bench.ts'
import { openConnection, requestText } from '../../bench/load/connection.ts'
import type { Measurement } from '../../bench/load/load.ts'
import { HELP, OptionError, readOptions } from '../../bench/options.ts'
import { summarize } from '../../bench/report/medians.ts'
import type { Report } from '../../bench/report/report.ts'
import { roundsTable } from '../../bench/report/screen.ts'
import { SCENARIOS } from '../../bench/scenarios/scenarios.ts'

describe('a run on the bare library', () => {
  let report: Report
  beforeAll(async () => {
    report = await runBench(
      readOptions(['full', '--targets', 'bare', '--seconds', '0.05', '--rounds', '1', '--concurrency', '4']),
      () => {},
    )
  })

  const done = SCENARIOS.filter((scenario) => scenario.latchkeyOnly !== true)
  test.each(done.map(({ name }) => name))('does the work of %s, or it would have thrown', (name) => {
    const found = report.results.find((result) => result.name === name)?.medians.bare
    expect(found?.perSecond).toBeGreaterThan(0)
    expect(found?.p99).toBeGreaterThanOrEqual(found?.p50 ?? Number.NaN)
    expect(found?.residentBytes).toBeGreaterThan(20_000_000)
  })

  test('is shown as a table with a line for each kind of work', () => {
    const table = roundsTable(report.results)
    for (const { name } of done) expect(table).toMatch(new RegExp(`^${name} +bare( +[\\d.]+){7}$`, 'm'))
  })
})

describe('what is made of the rounds', () => {
  test('the median of each figure, and ratios of Latchkey to the bare library', () => {
    const rounds = { latchkey: [round(100), round(300), round(900)], bare: [round(600), round(200)] }
    const { medians, ratios } = summarize({ name: 'refresh', what: '', callers: 1, rounds })
    expect(medians.latchkey?.perSecond).toBe(300)
    expect(medians.bare?.perSecond).toBe(400)
    expect(ratios).toEqual({ latchkey: { bare: { perSecond: 0.75, cpuPerStep: 0.75 } } })
  })
})

describe('the options', () => {
  test('measure the main kinds of work when nothing is said, and everything when full is', () => {
    const targets = ['latchkey', 'bare', 'redis', 'prisma']
    expect(readOptions([])).toMatchObject({ seconds: 2, rounds: 3, concurrency: 32, targets })
    expect(readOptions([]).scenarios).toEqual(SCENARIOS.filter(({ main }) => main === true).map(({ name }) => name))
    expect(readOptions(['full']).scenarios).toEqual(SCENARIOS.map(({ name }) => name))
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
  ])('refuse %j', (args) => {
    expect(() => readOptions(args)).toThrow(OptionError)
  })

  test('are all told by --help', () => {
    for (const option of ['seconds', 'rounds', 'concurrency', 'only', 'targets', 'out']) expect(HELP).toContain(`--${option}`)
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

// A few seeds of the fault run, beside all other tests; `npm run faults` runs as many as one likes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { runFaults } from './fault-run.ts'
import { readLedger } from './history.ts'
import type { Way } from './nemesis.ts'
import { describeViolation } from './report.ts'

const CLIENTS = 16
const SECONDS = 6
const TIMEOUT_MS = 240_000

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-faults-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(seed: number, more: { readonly ways?: readonly Way[]; readonly imports?: readonly string[] } = {}) {
  const outcome = await runFaults({ seed, seconds: SECONDS, clients: CLIENTS, folder, ...more })
  const [first] = outcome.violations
  return { ...outcome, told: first === undefined ? '' : describeViolation(first, outcome.history) }
}

const REDIS: readonly Way[] = ['killRedis', 'stopRedis', 'emptyRedis']
const POSTGRES: readonly Way[] = ['crashPostgres', 'stopPostgres']
const SERVERS: readonly Way[] = ['killServer', 'stopServer', 'wrongClock']
const LINES: readonly Way[] = ['cut', 'refuse', 'hang', 'slow']

describe('under mixed load, one thing at a time goes wrong', () => {
  test.each([
    ['FT10, FT11, FT12: Redis', 1, REDIS],
    ['I1–I6: PostgreSQL', 2, POSTGRES],
    ['I1–I6: a server', 3, SERVERS],
    ['I1–I7 and FT22: a line', 4, LINES],
  ])(
    '%s',
    async (_title, seed, ways) => {
      const { told, missing, history, file } = await run(seed, { ways })
      expect(told).toBe('')
      expect(missing).toBe('')
      // It was not quiet only because nothing happened.
      expect(history.filter((entry) => entry.kind === 'fault').length).toBeGreaterThan(0)
      expect(history.filter((entry) => entry.kind === 'call' && entry.answer?.refresh !== undefined).length).toBeGreaterThan(
        CLIENTS,
      )
      expect(readLedger(file)).toEqual(history)
    },
    TIMEOUT_MS,
  )
})

test(
  'I2: a rotation that lost its condition is found',
  async () => {
    const imports = [fileURLToPath(new URL('programs/weakened-rotation.ts', import.meta.url))]
    const found: number[] = []
    for (let seed = 1; seed <= 3 && found.length === 0; seed += 1) {
      const { violations, told, history } = await run(seed, { ways: ['cut'], imports })
      found.push(...violations.map(({ invariant }) => invariant))
      // What is told names no token.
      const tokens = history.flatMap((entry) => (entry.kind === 'call' ? (entry.answer?.refresh ?? []) : []))
      expect(tokens.filter((token) => told.includes(token))).toEqual([])
    }
    expect(found[0]).toBe(2)
  },
  TIMEOUT_MS,
)

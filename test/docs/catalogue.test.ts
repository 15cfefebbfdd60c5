// docs/security/catalogue.md tells the truth: it is complete, and what it calls covered is named by the tests it points to.

import { describe, expect, test } from '@jest/globals'
import { allIds, casesOf, readCatalogue, testsById, writeCatalogue } from './catalogue.ts'

const page = readCatalogue()
const cases = casesOf(page)
const tests = testsById()

describe('the catalogue', () => {
  test('has every case once', () => {
    expect(cases.map(({ id }) => id).toSorted()).toEqual(allIds().toSorted())
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length)
  })

  test('knows every case that a test names', () => {
    expect([...tests.keys()].filter((id) => !allIds().includes(id))).toEqual([])
  })

  test('points to the tests that name a case, and to no others; "npm run docs:catalogue" sees to it', () => {
    const stale = cases.filter(({ id, files }) => files.join() !== (tests.get(id) ?? []).join())
    expect(stale.map(({ id, files }) => `${id}: the page says ${files}, the tests are ${tests.get(id)}`)).toEqual([])
  })

  test('calls nothing covered without a test', () => {
    expect(cases.filter(({ state, files }) => state === 'covered' && files.length === 0)).toEqual([])
  })

  test('is as "npm run docs:catalogue" writes it', () => {
    expect(page).toBe(writeCatalogue(page, tests))
  })
})

describe('names in tests are found', () => {
  const idsIn = (text: string) => [...testsById([{ path: 'test/a.test.ts', text }]).keys()]

  test.each([
    ["test('RT1 and RT2: reuse', () => {})", ['RT1', 'RT2']],
    ["describe('LG5–LG7 limits', () => {})", ['LG5', 'LG6', 'LG7']],
    ["describe.each([1])('AZ9 asks again', () => {})", ['AZ9']],
    ["test.each([['RU1 a suffix', 'https://x'], ['RU4: a script', 'y']])('%s', () => {})", ['RU1', 'RU4']],
    ['test(`FT1 without Redis`, () => {})', ['FT1']],
    ["// test('RT1')\nconst algorithm = 'ES256 or RT1'", []],
  ])('%s', (text, ids) => {
    expect(idsIn(text)).toEqual(ids)
  })
})

test('a case that loses its test is no longer called covered, and remarks stay', () => {
  const before = '| RT1 | Reuse | [a](../../test/a.test.ts) — not with two processes |\n| RT2 | Fifty | not built |'
  expect(writeCatalogue(before, new Map([['RT2', ['test/b/c.test.ts']]]))).toBe(
    '| RT1 | Reuse | no test yet — not with two processes |\n| RT2 | Fifty | [b/c](../../test/b/c.test.ts) |',
  )
})

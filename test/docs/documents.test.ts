// The documents keep to what is there: links lead somewhere, commands and settings exist, decisions stay short.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { settings } from '../../config/settings.ts'
import { metricsPage } from './metrics-page.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DECISIONS = 'docs/decisions'

const documents = [...markdownIn(''), ...markdownIn('docs'), ...markdownIn('examples'), ...markdownIn('guard')]
const read = (path: string) => readFileSync(`${ROOT}/${path}`, 'utf8')

test('there are documents to look at', () => {
  expect(documents).toEqual(
    expect.arrayContaining(['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs/language.md']),
  )
})

describe.each(documents)('%s', (path) => {
  const text = read(path)

  test('links to files and headings that exist', () => {
    expect(linksOf(text).filter((link) => !leadsSomewhere(path, link))).toEqual([])
  })

  test('names npm scripts and settings that exist', () => {
    const scripts = new Set([...Object.keys(JSON.parse(read('package.json')).scripts), 'pack'])
    const named = [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, script]) => script)
    expect(named.filter((script) => script === undefined || !scripts.has(script))).toEqual([])

    const variables = new Set(Object.values(settings).map((setting) => setting.variable))
    const mentioned = [...text.matchAll(/\bLATCHKEY_[A-Z0-9_]+[A-Z0-9]\b/g)].map(([name]) => name.replace(/_FILE$/, ''))
    expect(mentioned.filter((name) => !variables.has(name as never))).toEqual([])
  })
})

test('docs/reference/metrics.md is what `npm run docs` writes', () => {
  expect(read('docs/reference/metrics.md')).toBe(metricsPage())
})

describe('the decisions', () => {
  const names = readdirSync(`${ROOT}/${DECISIONS}`).filter((name) => name !== 'README.md')

  test('are numbered without a gap and all listed', () => {
    const list = read(`${DECISIONS}/README.md`)
    expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, index) => index + 1))
    for (const name of names) expect(list).toContain(`[${titleOf(name)}](${name})`)
  })

  test.each(names)('%s: twenty lines at most, with what was decided, rejected and follows', (name) => {
    const text = read(`${DECISIONS}/${name}`)
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(20)
    for (const part of ['**Decision.**', '**Rejected.**', '**Consequences.**']) expect(text).toContain(part)
  })

  function titleOf(name: string): string {
    return (
      read(`${DECISIONS}/${name}`)
        .split('\n', 1)[0]
        ?.replace(/^# \d+\. /, '') ?? ''
    )
  }
})

function markdownIn(folder: string): string[] {
  if (!existsSync(`${ROOT}/${folder}`)) return []
  return readdirSync(`${ROOT}/${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name)
    if (entry.isDirectory()) return folder === '' || entry.name === 'node_modules' ? [] : markdownIn(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

/** Links and pictures, but not what stands in code. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g), ...prose.matchAll(/\b(?:href|src)="([^"]+)"/g)]
  return links.map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link))
}

function leadsSomewhere(from: string, link: string): boolean {
  const [file = '', heading] = link.split('#')
  const path = file === '' ? from : posix.join(posix.dirname(from), file)
  if (!existsSync(`${ROOT}/${path}`)) return false
  return heading === undefined || headingsOf(read(path)).includes(heading)
}

/** As GitHub makes them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

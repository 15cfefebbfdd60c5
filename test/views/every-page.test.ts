// What every page owes to those who read it, by whatever means: one heading, labels, landmarks, nothing inline.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { assets, consoleScriptSrc, stylesheetHref } from '../../views/assets.ts'
import { FORM_POST_SCRIPT_SOURCE } from '../../views/interactions/form-post.ts'
import { loginPage } from '../../views/interactions/login.ts'
import { allPages } from './all-pages.ts'
import { type Tag, tagsOf } from './page-markup.ts'

const PAGES = [...allPages('plain')].map(([name, made]) => [name, String(made)] as const)

test('every view that makes a page is among the pages of these tests', () => {
  const views = fileURLToPath(new URL('../../views', import.meta.url))
  const made = readdirSync(views, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [...readFileSync(`${views}/${path}`, 'utf8').matchAll(/^export function (\w*[pP]age)\(/gm)])
    .map(([, name = '']) => name)
  const used = ['all-pages', 'console-pages', 'console-grant-pages']
    .map((name) => readFileSync(new URL(`./${name}.ts`, import.meta.url), 'utf8'))
    .join('\n')
  expect(made.length).toBeGreaterThan(10)
  expect(made.filter((name) => !used.includes(` ${name}(`) && !used.includes(`\n      ${name}(`))).toEqual([])
})

/** Pages of the console have a script of their own, and forms that only look. */
function isConsole(pageName: string): boolean {
  return pageName.startsWith('console')
}

describe.each(PAGES)('the page %j', (pageName, markup) => {
  const tags = tagsOf(markup)
  const named = (name: string): Tag[] => tags.filter((tag) => tag.name === name)

  test('has a language, a title, one heading of the first rank, and landmarks', () => {
    expect(markup).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(markup).toMatch(/<title>[^<]+ – Latchkey<\/title>/)
    for (const once of ['h1', 'main', 'title']) expect({ once, times: named(once).length }).toEqual({ once, times: 1 })
    expect(markup).toContain('<header class="site-header">')
    expect(markup).toContain('<footer class="site-footer">')
    expect(markup).toContain('<a class="skip" href="#main">')
    expect(named('main')[0]?.attributes.get('id')).toBe('main')
  })

  test('skips no rank of heading', () => {
    const ranks = tags.flatMap(({ name }) => (/^h[1-6]$/.test(name) ? [Number(name[1])] : []))
    ranks.reduce((before, rank) => {
      expect(rank).toBeLessThanOrEqual(before + 1)
      return rank
    }, 0)
  })

  test('has a label for every field', () => {
    const labelled = new Set(named('label').map(({ attributes }) => attributes.get('for')))
    const inLabels = [...markup.matchAll(/<label\b[^>]*>[\s\S]*?<\/label>/g)].flatMap(([label]) => tagsOf(label))
    const wrapped = inLabels.filter(({ name }) => name === 'input').map(({ attributes }) => attributes.get('value'))
    const fields = tags
      .filter(({ name }) => /^(input|select|textarea)$/.test(name))
      .filter(({ attributes }) => attributes.get('type') !== 'hidden' && !attributes.has('hidden'))
    for (const { attributes } of fields) {
      expect(labelled.has(attributes.get('id') ?? 'none') || wrapped.includes(attributes.get('value'))).toBe(true)
    }
  })

  test('names each id once, and refers only to those there are', () => {
    const ids = tags.flatMap(({ attributes }) => attributes.get('id') ?? [])
    expect(ids).toEqual([...new Set(ids)])
    for (const { attributes } of tags) {
      const references = ['aria-describedby', 'aria-labelledby', 'for'].flatMap((key) => attributes.get(key)?.split(' ') ?? [])
      for (const reference of references) expect(ids).toContain(reference)
    }
  })

  test('has nothing inline and nothing from elsewhere, as the content security policy demands', () => {
    for (const { name, attributes } of tags) {
      expect(['style', 'iframe', 'object', 'embed', 'base', 'img']).not.toContain(name)
      expect([...attributes.keys()].filter((key) => key === 'style' || key.startsWith('on'))).toEqual([])
      if (name === 'link') expect(attributes.get('href')).toMatch(/^\/assets\//)
      if (attributes.get('target') === '_blank') expect(attributes.get('rel')).toContain('noopener')
    }
  })

  test('has no script, but for the one whose digest its own policy names', () => {
    const scripts = [...markup.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)].map(([, inside = '']) => inside)
    const sources = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`)
    if (isConsole(pageName)) {
      // The console has one of its own, as a file.
      expect(scripts).toEqual([''])
      expect(named('script').map(({ attributes }) => attributes.get('src'))).toEqual([consoleScriptSrc])
      return
    }
    expect(sources).toEqual(pageName === 'form post' ? [FORM_POST_SCRIPT_SOURCE] : [])
    expect(named('script').length).toBe(scripts.length)
  })

  test('moves nowhere by itself; what is under way can be looked at again without a script', () => {
    expect(named('meta').filter(({ attributes }) => attributes.has('http-equiv'))).toEqual([])
    const looksAgain = tags.filter(({ attributes }) => attributes.has('data-look-again')).length
    expect(looksAgain).toBe((pageName.match(/job$|job that waits|is being made|turn comes/) ?? []).length)
    expect([...markup.matchAll(/<noscript>.*<a class="button" href="[^"]+">Look again<\/a>/g)].length).toBe(looksAgain)
  })

  test('has buttons that say what they do to forms', () => {
    for (const { attributes } of named('button')) expect(attributes.get('type')).toBe('submit')
    // What a list of the console is narrowed to stands in its address.
    const methods = isConsole(pageName) ? ['post', 'get'] : ['post']
    for (const { attributes } of named('form')) expect(methods).toContain(attributes.get('method'))
  })
})

test('every body that the console has is among the pages of these tests', () => {
  const views = fileURLToPath(new URL('../../views/admin-console', import.meta.url))
  const made = readdirSync(views)
    .filter((path) => !['asking.ts', 'client-parts.ts', 'lists.ts', 'tree.ts'].includes(path))
    .flatMap((path) => [...readFileSync(`${views}/${path}`, 'utf8').matchAll(/^export function (\w+)\(/gm)])
    .map(([, name = '']) => name)
  // What another view shows as a piece of its own is seen there.
  const pieces = readdirSync(views).map((path) =>
    readFileSync(`${views}/${path}`, 'utf8').replace(/^export function \w+\(/gm, ''),
  )
  const used = readdirSync(new URL('.', import.meta.url))
    .filter((path) => /^console-.*pages\.ts$/.test(path))
    .map((path) => readFileSync(new URL(path, import.meta.url), 'utf8'))
    .concat(pieces)
    .join('\n')
  expect(made.length).toBeGreaterThan(4)
  expect(made.filter((name) => !used.includes(`${name}(`))).toEqual([])
})

describe('assets', () => {
  test('have addresses that change with their content', () => {
    expect(assets.map(({ path }) => path)).toContain(stylesheetHref)
    for (const { path, type, body } of assets) {
      expect(path).toMatch(/^\/assets\/[a-z]+\.[\w-]{12}\.(css|svg|js)$/)
      expect(type).toMatch(/^(text\/(css|javascript); charset=utf-8|image\/svg\+xml)$/)
      expect(body.length).toBeGreaterThan(100)
    }
  })

  test('are small: the sign-in page, its style sheet and its icon come to less than 30 kB', () => {
    const signIn = loginPage({
      action: '/interactions/0123456789012345678901/login',
      abortAction: '/interactions/0123456789012345678901/abort',
      csrf: 'c'.repeat(43),
      clientName: 'An app with quite a long name',
      redirectHost: 'app.example',
      username: 'somebody@a-long-domain.example',
      reauthentication: false,
      problem: 'too_many',
      retryAfterSeconds: 840,
    })
    const used = assets.filter(({ path }) => String(signIn).includes(path))
    const total = used.reduce((sum, { body }) => sum + body.length, Buffer.byteLength(String(signIn)))
    expect(total).toBeLessThan(30_000)
    expect(assets.find(({ path }) => path === stylesheetHref)?.body.length).toBeLessThan(12_000)
  })

  test('are small: the console’s script is less than 10 kB', () => {
    expect(assets.find(({ path }) => path === consoleScriptSrc)?.body.length).toBeLessThan(10_000)
  })
})

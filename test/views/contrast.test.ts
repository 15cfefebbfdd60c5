// The colours of the style sheet can be told apart, by day and by night: WCAG 2.2, 1.4.3 (text 4.5 : 1) and 1.4.11 (the
// edges of fields, marks and the focus ring 3 : 1).
import { describe, expect, test } from '@jest/globals'
import { assets, stylesheetHref } from '../../views/assets.ts'

const CSS = String(assets.find(({ path }) => path === stylesheetHref)?.body)

const TEXT: readonly (readonly [on: string, colours: readonly string[]])[] = [
  ['page', ['text', 'quiet', 'link']],
  ['card', ['text', 'quiet', 'link', 'on-error']],
  ['primary', ['on-primary']],
  ['primary-hover', ['on-primary']],
  ['danger', ['on-danger']],
  ['danger-hover', ['on-danger']],
  ['info', ['on-info']],
  ['success', ['on-success']],
  ['warning', ['on-warning']],
  ['error', ['on-error']],
]

const EDGES: readonly (readonly [on: string, colours: readonly string[]])[] = [
  ['page', ['focus', 'brass', 'primary']],
  ['card', ['focus', 'brass', 'primary', 'danger', 'field-line']],
]

describe.each(['light', 'dark'] as const)('in %s', (scheme) => {
  const colours = coloursOf(scheme)

  test.each(TEXT)('text on %s can be read', (on, texts) => {
    for (const text of texts) expect([text, contrast(colours, text, on) >= 4.5]).toEqual([text, true])
  })

  test.each(EDGES)('edges on %s can be seen', (on, edges) => {
    for (const edge of edges) expect([edge, contrast(colours, edge, on) >= 3]).toEqual([edge, true])
  })
})

test('both schemes say every colour, and there is no colour beside them', () => {
  expect([...coloursOf('light').keys()].sort()).toEqual([...coloursOf('dark').keys()].sort())
  const rest = CSS.replaceAll(/:root \{[^}]*\}/g, '').replaceAll(/\/\*[\s\S]*?\*\//g, '')
  expect(rest).not.toMatch(/#[0-9a-f]{3,8}\b|rgb|hsl/)
})

test('contrast is computed as WCAG defines it', () => {
  const colours = new Map([
    ['black', '#000000'],
    ['white', '#ffffff'],
    ['grey', '#777777'],
  ])
  expect(contrast(colours, 'black', 'white')).toBeCloseTo(21, 5)
  expect(contrast(colours, 'grey', 'white')).toBeCloseTo(4.48, 2)
})

function coloursOf(scheme: 'light' | 'dark'): Map<string, string> {
  const [light = '', dark = ''] = [...CSS.matchAll(/:root \{([^}]*)\}/g)].map(([, inside = '']) => inside)
  const inside = scheme === 'light' ? light : dark
  return new Map([...inside.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [name, value]))
}

function contrast(colours: ReadonlyMap<string, string>, one: string, other: string): number {
  const [darker = 0, lighter = 0] = [one, other]
    .map((name) => luminance(colours.get(name) ?? `no colour ${name}`))
    .sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(colour: string): number {
  const digits = /^#([0-9a-f]{6})$/.exec(colour)?.[1]
  if (digits === undefined) throw new Error(colour)
  const [red = 0, green = 0, blue = 0] = [0, 2, 4]
    .map((at) => Number.parseInt(digits.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

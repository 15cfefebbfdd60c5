// WB4, DR3: whatever people, apps or operators write stays text on every page, and only web addresses become links.
import { describe, expect, test } from '@jest/globals'
import { html } from '../../views/html.ts'
import { continuePostPage } from '../../views/logout/continue-post.ts'
import { webAddress } from '../../views/web-address.ts'
import { allPages } from './all-pages.ts'
import { skeletonOf, tagsOf, unescapeHtml } from './page-markup.ts'
import { SCRIPT_ADDRESSES, SCRIPT_PAYLOADS } from './script-payloads.ts'

const PLAIN = allPages('plain')
/** Made once: there are many pages, and each is looked at forty times. */
const HOSTILE = SCRIPT_PAYLOADS.map((payload) => [payload, allPages(payload)] as const)

describe('WB4: forty scripts in every parameter change nothing of the page', () => {
  test('there are forty, all different', () => {
    expect(new Set(SCRIPT_PAYLOADS).size).toBe(40)
  })

  test.each([...PLAIN])('%s', (name, plain) => {
    for (const [payload, pages] of HOSTILE) {
      const markup = String(pages.get(name))
      expect(skeletonOf(markup)).toEqual(skeletonOf(String(plain)))
      expect(markup).not.toContain(payload)
      if (String(plain).includes('plain')) expect(unescapeHtml(markup)).toContain(payload)
    }
  })

  test('a template that forgot to escape would be noticed', () => {
    const careless = (text: string) => `<p title="${text}">${text}</p>`
    const noticed = SCRIPT_PAYLOADS.filter(
      (payload) => skeletonOf(careless(payload)).join() !== skeletonOf(careless('plain')).join(),
    )
    // The one that needs single quotes is harmless in our double ones.
    expect(SCRIPT_PAYLOADS.filter((payload) => !noticed.includes(payload))).toEqual(["' autofocus onfocus='alert(1)"])
  })
})

describe('DR3: addresses that are no web addresses become no links', () => {
  test.each(SCRIPT_ADDRESSES)('%j', (address) => {
    expect(webAddress(address)).toBeUndefined()
    for (const [name, made] of allPages('plain', address)) {
      for (const tag of tagsOf(String(made))) {
        const leadsTo = ['href', 'src', 'formaction', 'srcset'].map((attribute) => tag.attributes.get(attribute))
        expect({ name, tag: tag.name, leadsTo: leadsTo.filter((target) => target === address) }).toEqual({
          name,
          tag: tag.name,
          leadsTo: [],
        })
      }
    }
    expect(() => continuePostPage({ action: address, fields: {}, label: 'On', explanation: 'Why' })).toThrow(RangeError)
  })

  test.each(['//evil.example/', '/\\evil.example/', '\\\\evil.example/', '/\t/evil.example/', '\n//evil.example/'])(
    '%j does not pass for a path of this site',
    (address) => {
      expect(webAddress(address)).toBeUndefined()
    },
  )

  test.each(['https://app.example/', 'http://localhost:3001/cb?x=1#y', '/account', '/authorize/abc?x=//y'])(
    '%j is one',
    (address) => {
      expect(webAddress(address)).toBe(address)
    },
  )
})

describe('templates', () => {
  test('escape what is text, and keep what is HTML already', () => {
    expect(String(html`<p>${'<&>"\''}${html`<b>${1}</b>`}</p>`)).toBe('<p>&lt;&amp;&gt;&quot;&#39;<b>1</b></p>')
  })

  test('leave nothing behind for what is not there', () => {
    expect(String(html`[${undefined}${null}${false}${true}${[]}${['a', [html`<i>b</i>`, '<']]}]`)).toBe('[a<i>b</i>&lt;]')
  })
})

// HTML as a value of its own type: text becomes HTML only by being escaped, so a page cannot forget to.

/** A piece of HTML. Only this file makes one out of text. */
export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The HTML itself, for the one who sends it. */
  toString(): string {
    return this.#text
  }
}

/** What may stand in a template. `undefined`, `null`, `false` and `true` leave nothing behind. */
export type HtmlValue = Html | string | number | boolean | null | undefined | readonly HtmlValue[]

/**
 * A template: what stands in it literally is HTML, every value is escaped unless it is `Html` itself. Attributes must be in
 * double quotes, and no value may stand in a script, a style or an unquoted attribute.
 */
export function html(literals: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = literals[0] ?? ''
  values.forEach((value, index) => {
    text += render(value) + (literals[index + 1] ?? '')
  })
  return new Html(text)
}

/** Escapes text for HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

const ENTITIES: { readonly [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function render(value: HtmlValue): string {
  if (value === undefined || value === null || typeof value === 'boolean') return ''
  if (value instanceof Html) return value.toString()
  if (typeof value === 'object') return value.map(render).join('')
  return escapeHtml(String(value))
}

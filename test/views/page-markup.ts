// Reads the HTML of our own pages for tests. It relies on what `views/html.ts` promises: every attribute that has a value
// has it in double quotes, and neither `<` nor `>` stands in a value.

/** A start tag. */
export interface Tag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
}

/** All start tags, in order. */
export function tagsOf(markup: string): Tag[] {
  return [...markup.matchAll(/<([a-z][a-z0-9]*)\b([^<>]*)>/gi)].map(([, name = '', inside = '']) => ({
    name: name.toLowerCase(),
    attributes: new Map(
      [...inside.matchAll(ATTRIBUTE)].map(([, key = '', value]) => [key.toLowerCase(), unescapeHtml(value ?? '')]),
    ),
  }))
}

/** What a page is made of when all that is written in it is taken away: tags with the names of their attributes. */
export function skeletonOf(markup: string): string[] {
  return [...markup.matchAll(/<[^>]*>?/g)].map(([tag]) => tag.replaceAll(/"[^"]*"/g, '""'))
}

/** What a person would read where the text stands. */
export function unescapeHtml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

const ATTRIBUTE = /([^\s="'/]+)(?:="([^"]*)")?/g

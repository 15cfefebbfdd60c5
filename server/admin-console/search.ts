// The one search box: what somebody has at hand leads to its page. It is posted, since it may be a token, which has no place in an
// address or a log.
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import type { AccessRule } from '../../config/roles.ts'
import { nothingFound } from '../../views/admin-console/search.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'

/** Finds the page of what a text names; undefined when it is nothing that this finder knows, or nothing for the one who asks. */
export type Finder = (text: string, visit: ConsoleVisit) => Promise<string | undefined>

/**
 * Finds what has a name that a text is the beginning of: one leads to its page, more to the list of them.
 * @param find two of them at most
 */
export function createNameFinder<Found>({
  access,
  find,
  hrefOf,
  listOf,
}: {
  readonly access: AccessRule
  readonly find: (text: string) => Promise<readonly Found[]>
  readonly hrefOf: (found: Found) => string
  readonly listOf: (text: string) => string
}): Finder {
  return async (text, visit) => {
    if (text.length > LONGEST_NAME || !isStorable(text) || !visit.may(access)) return undefined
    const [one, another] = await find(text)
    if (one === undefined) return undefined
    return another === undefined ? hrefOf(one) : listOf(text)
  }
}

/** What is longer may be a token. */
const LONGEST_NAME = 200

/** Makes the page. `finders` are asked in their order, and `showIfToken` when none knows: it shows what a text is, if it is anything. */
export function searchPages({
  finders,
  showIfToken,
}: {
  readonly finders: readonly Finder[]
  readonly showIfToken: (visit: ConsoleVisit, text: string) => Promise<boolean>
}): ConsoleRoute[] {
  return [
    {
      method: 'post',
      path: '/search',
      access: ACCESS.sessions.read,
      back: (_ctx, form) => listHref('/admin', { q: form.get('q') }),
      keptApart: true,
      async handle(ctx, visit, form) {
        const text = form.get('q').trim()
        for (const find of text === '' ? [] : finders) {
          const href = await find(text, visit)
          if (href === undefined) continue
          ctx.redirect(href)
          ctx.status = 303
          return
        }
        if (text !== '' && (await showIfToken(visit, text))) return
        visit.show({ title: 'Nothing found', section: '', body: nothingFound() }, text === '' ? 200 : 404)
      },
    },
  ]
}

// The one search box: what somebody has at hand leads to its page. It is posted, since it may be a token, which has no place in an
// address or a log.
import { ACCESS } from '../../config/access.ts'
import { nothingFound } from '../../views/admin-console/search.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'

/** Finds the page of what a text names; undefined when it is nothing that this finder knows, or nothing for the one who asks. */
export type Finder = (text: string, visit: ConsoleVisit) => Promise<string | undefined>

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

// The secrets of an app, for owners in the console: another one with an overlap that they choose, and the end of one. Both are possible for
// apps of a provision file as well: neither stands in a file.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { clientSecretEnd, clientSecretShown, newClientSecret, OVERLAP_CHOICES } from '../../views/admin-console/client-secrets.ts'
import { ChangedMeanwhile } from '../audit/versions.ts'
import type { ClientAdministration } from '../clients/client-administration.ts'
import type { ClientDetail, ClientSearch, ClientSecretItem } from '../clients/client-search.ts'
import type { Form } from '../http/form.ts'
import { HttpProblem } from '../http/problems.ts'
import { asking } from './asking.ts'
import { CLIENTS_PATH, findClient } from './clients.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'
import { NO_SUCH_OVERLAP, refusalOf } from './refusals.ts'

/** What the pages call. */
export interface ClientSecretPagesDeps {
  readonly search: Pick<ClientSearch, 'find'>
  readonly administration: Pick<ClientAdministration, 'addSecret' | 'deleteSecret'>
}

interface OneSecret {
  readonly client: ClientDetail
  readonly secret: ClientSecretItem
}

/** Makes the pages. */
export function clientSecretPages(deps: ClientSecretPagesDeps): ConsoleRoute[] {
  const owners = { access: ACCESS.clients.write, fresh: true } as const
  return [
    {
      ...owners,
      method: 'get',
      path: '/clients/:id/secrets',
      async handle(ctx, visit) {
        const { overlap, reason, version } = ctx.query
        const asked = { overlap: textOf(overlap), reason: textOf(reason).slice(0, 1000), version: textOf(version) }
        ask(await findClient(deps.search, String(ctx.params.id)), visit, asked)
      },
    },
    {
      ...owners,
      method: 'post',
      path: '/clients/:id/secrets',
      back: (ctx, form) => listHref(ctx.path, askedIn(form)),
      handle: (ctx, visit, form) => make(deps, ctx, visit, form),
    },
    ...asking<OneSecret>({
      section: '/clients',
      below: '/secrets/:secret',
      what: 'deletion',
      title: 'End a secret now',
      access: ACCESS.clients.write,
      find: (id, { secret }) => findSecret(deps, id, String(secret)),
      view: ({ thing: { client, secret }, ...form }) =>
        clientSecretEnd({ client, secret, last: client.secrets.filter(({ expired }) => !expired).length < 2, ...form }),
      async act({ client, secret }, change) {
        await deps.administration.deleteSecret({ clientId: client.id, secretId: secret.id }, change)
        return 'The secret is good no longer.'
      },
      refusalOf,
    }),
  ]
}

interface Asked {
  readonly overlap: string
  readonly reason: string
  readonly version: string
}

function askedIn(form: Form) {
  return { overlap: form.get('overlap'), reason: form.get('reason').trim(), version: form.get('version') }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** What keeps it from being made. */
interface Refused {
  readonly status: number
  readonly fault?: string
  readonly reasonMissing?: boolean
}

function ask(client: ClientDetail, visit: ConsoleVisit, { overlap, reason, version }: Asked, refused?: Refused): void {
  const { status = 200, ...why } = refused ?? {}
  const body = newClientSecret({
    ...{ client, secrets: client.secrets, overlap, reason, csrf: visit.csrf },
    // After a refusal what is there now has been seen.
    version: version === '' || status === 409 ? client.version : version,
    provisioned: client.managedBy === 'provision',
    ...why,
  })
  visit.show({ title: 'A new secret', section: CLIENTS_PATH, body }, status)
}

async function make(deps: ClientSecretPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const client = await findClient(deps.search, String(ctx.params.id))
  const asked = askedIn(form)
  // What is not one of the choices is asked for again: a secret must not end, or live on, by a slip.
  const chosen = OVERLAP_CHOICES.find(([seconds]) => String(seconds) === asked.overlap)
  if (chosen === undefined) return ask(client, visit, asked, { status: 400, fault: NO_SUCH_OVERLAP })
  if (asked.reason === '') return ask(client, visit, asked, { status: 400, reasonMissing: true })
  const [overlapSeconds, words] = chosen
  try {
    const request = { clientId: client.id, overlapSeconds, seen: asked.version }
    const { secret } = await deps.administration.addSecret(request, visit.change(asked.reason))
    const before =
      client.secrets.length === 0
        ? {}
        : { before: overlapSeconds === 0 ? 'The one before is good no longer.' : `The one before is good for ${words}.` }
    const body = clientSecretShown({ client, secret, isNew: false, ...before })
    visit.show({ title: 'The new secret', section: CLIENTS_PATH, body }, 201)
  } catch (error) {
    // As when the page that showed it is loaded again: a second one would end the first, which may be in place already.
    const fault = error instanceof ChangedMeanwhile ? CHANGED : refusalOf(error)
    ask(await findClient(deps.search, client.id), visit, asked, { status: 409, fault })
  }
}

const CHANGED = 'The app has been changed since you opened this page, perhaps by this very form. No secret was made.'

async function findSecret({ search }: ClientSecretPagesDeps, id: string, secretId: string): Promise<OneSecret> {
  const client = await findClient(search, id)
  const secret = client.secrets.find((one) => one.id === secretId)
  if (secret === undefined) throw new HttpProblem(404, 'No such secret', 'The app has none of that id.')
  return { client, secret }
}

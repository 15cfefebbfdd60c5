// What owners change of an app in the console, and its deletion. What a provision file has made is changed there.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { clientDeletion } from '../../views/admin-console/client-ends.ts'
import { clientChange } from '../../views/admin-console/client-forms.ts'
import { clientSecretShown } from '../../views/admin-console/client-secrets.ts'
import { ChangedMeanwhile } from '../audit/versions.ts'
import { type ClientAdministration, type ClientReplaced, refuseManaged } from '../clients/client-administration.ts'
import type { ClientHoldings } from '../clients/client-holdings.ts'
import { type RegistrationRules, readRegistration } from '../clients/client-registration.ts'
import type { ClientDetail, ClientSearch } from '../clients/client-search.ts'
import type { Form } from '../http/form.ts'
import type { ResourceServer } from '../resource-servers/resource-servers.ts'
import { asking } from './asking.ts'
import {
  appKindOfClient,
  changedRegistration,
  choosesAuth,
  enteredOf,
  type Fields,
  faultsIn,
  fieldsIn,
  fieldsOf,
  scopeOffers,
} from './client-entry.ts'
import { CLIENTS_PATH, clientHref, endedWords, findClient } from './clients.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { refusalOf, refusing } from './refusals.ts'

/** What the pages call. */
export interface ClientChangePagesDeps {
  readonly search: Pick<ClientSearch, 'find'>
  readonly administration: Pick<ClientAdministration, 'replace' | 'delete'>
  readonly holdings: (clientId: string) => Promise<ClientHoldings>
  readonly resourceServers: () => Promise<readonly ResourceServer[]>
  /** How clients' certificates come in; undefined where they do not. */
  readonly certificates: RegistrationRules['certificates']
}

/** Makes the pages. */
export function clientChangePages(deps: ClientChangePagesDeps): ConsoleRoute[] {
  const owners = { access: ACCESS.clients.write, fresh: true, path: '/clients/:id/change' } as const
  return [
    {
      ...owners,
      method: 'get',
      async handle(ctx, visit) {
        const fields = fieldsIn(ctx.querystring)
        const client = await findClient(deps.search, String(ctx.params.id))
        await show(deps, visit, client, { fields: fields.filled === 'in' ? fields : undefined })
      },
    },
    {
      ...owners,
      method: 'post',
      back: (ctx, form) => listHref(ctx.path, { ...fieldsIn(form.toQuery()), filled: 'in' }),
      handle: (ctx, visit, form) => change(deps, ctx, visit, form),
    },
    ...asking<ClientDetail>({
      section: '/clients',
      what: 'deletion',
      title: 'Delete an app',
      access: ACCESS.clients.write,
      removes: true,
      find: (id) => findClient(deps.search, id),
      refusalOf,
      async view({ thing: client, ...form }) {
        await refusing(async () => refuseManaged(client))
        return clientDeletion({ client, holds: await deps.holdings(client.id), ...form })
      },
      act: async ({ id }, why) => endedWords('The app is deleted.', await deps.administration.delete(id, why)),
    }),
  ]
}

/** What was filled in, when something was; its version is that of when it was filled in, unless it was refused. */
async function show(
  deps: ClientChangePagesDeps,
  visit: ConsoleVisit,
  client: ClientDetail,
  { fields, faults = [] }: { readonly fields: Fields | undefined; readonly faults?: readonly string[] },
): Promise<void> {
  const kind = appKindOfClient(client)
  const offers = scopeOffers(kind, await deps.resourceServers())
  const body = clientChange({
    ...{ client, kind, offers, faults, csrf: visit.csrf, choosesAuth: choosesAuth(client.metadata) },
    entered: enteredOf(fields ?? fieldsOf(client, offers), offers),
    version: faults.length > 0 ? client.version : (fields?.version ?? client.version),
    reason: (fields?.reason ?? '').slice(0, 1000),
  })
  visit.show({ title: 'Change the app', section: CLIENTS_PATH, body }, faults.length === 0 ? 200 : 409)
}

async function change(deps: ClientChangePagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const client = await findClient(deps.search, String(ctx.params.id))
  const fields = fieldsIn(form.toQuery())
  const refuse = async (faults: readonly string[]) =>
    show(deps, visit, await findClient(deps.search, client.id), { fields, faults })
  const reason = (fields.reason ?? '').trim()
  if (reason === '') return refuse(['Nothing was saved: say why it is changed, for the audit log.'])
  const kind = appKindOfClient(client)
  const registration = changedRegistration(client, fields, scopeOffers(kind, await deps.resourceServers()))
  const read = readRegistration(registration, { clientId: client.id, certificates: deps.certificates })
  const faults = faultsIn(kind, { fields, registration }, 'issues' in read ? read.issues : [])
  if ('issues' in read || faults.length > 0) return refuse(faults)
  let done: ClientReplaced
  try {
    done = await deps.administration.replace({ metadata: read.metadata, seen: form.get('version') }, visit.change(reason))
  } catch (error) {
    return refuse([error instanceof ChangedMeanwhile ? CHANGED : refusalOf(error)])
  }
  // It authenticates by one from now on.
  if (done.secret !== undefined) {
    const shown = clientSecretShown({ client, secret: done.secret.secret, isNew: false })
    return visit.show({ title: 'The secret of the app', section: CLIENTS_PATH, body: shown })
  }
  const changed = done.members.length === 0 ? 'Nothing was different.' : `Saved: ${done.members.join(', ')}.`
  redirectWithNotice(ctx, clientHref(client.id), changed)
}

const CHANGED = 'The app has been changed since you opened this page. Nothing was saved: save it anew if it still holds.'

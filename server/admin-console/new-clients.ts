// Apps that owners register in the console: first the kind, then what it needs. A secret is shown once.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { clientKinds, newClient } from '../../views/admin-console/client-forms.ts'
import { clientSecretShown } from '../../views/admin-console/client-secrets.ts'
import type { ClientAdministration } from '../clients/client-administration.ts'
import { newClientId, type RegistrationRules, readRegistration } from '../clients/client-registration.ts'
import type { Form } from '../http/form.ts'
import type { ResourceServer } from '../resource-servers/resource-servers.ts'
import {
  type AppKind,
  appKindOf,
  clientKindOf,
  enteredOf,
  type Fields,
  faultsIn,
  fieldsIn,
  firstFields,
  registrationOf,
  scopeOffers,
} from './client-entry.ts'
import { CLIENTS_PATH, clientHref } from './clients.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { refusalOf } from './refusals.ts'

/** What the pages call. */
export interface NewClientPagesDeps {
  readonly administration: Pick<ClientAdministration, 'register'>
  readonly resourceServers: () => Promise<readonly ResourceServer[]>
  /** How clients' certificates come in; undefined where they do not. */
  readonly certificates: RegistrationRules['certificates']
}

/** Makes the pages. They come before those of an app, since one of them has a name where that has an id. */
export function newClientPages(deps: NewClientPagesDeps): ConsoleRoute[] {
  // What an app may ask for is decided here, and some get a secret.
  const owners = { access: ACCESS.clients.write, fresh: true } as const
  return [
    { ...owners, method: 'get', path: '/clients/new', handle: (ctx, visit) => ask(deps, ctx, visit) },
    {
      ...owners,
      method: 'post',
      path: '/clients',
      back: (_ctx, form) => listHref(`${CLIENTS_PATH}/new`, { ...fieldsIn(form.toQuery()), filled: 'in' }),
      handle: (ctx, visit, form) => make(deps, ctx, visit, form),
    },
  ]
}

async function ask(deps: NewClientPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const fields = fieldsIn(ctx.querystring)
  const kind = appKindOf(fields.kind)
  if (kind === undefined) return visit.show({ title: 'New app', section: CLIENTS_PATH, body: clientKinds() })
  // The id is made up here and not when it is saved, so that a form that is sent twice makes one app.
  await showForm(deps, visit, kind, fields.filled === 'in' ? fields : firstFields(kind, newClientId()))
}

async function showForm(
  deps: NewClientPagesDeps,
  visit: ConsoleVisit,
  kind: AppKind,
  fields: Fields,
  faults: readonly string[] = [],
): Promise<void> {
  const offers = scopeOffers(kind, await deps.resourceServers())
  const body = newClient({ kind, entered: enteredOf(fields, offers), offers, csrf: visit.csrf, faults })
  visit.show({ title: 'New app', section: CLIENTS_PATH, body }, faults.length === 0 ? 200 : 422)
}

async function make(deps: NewClientPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const fields = fieldsIn(form.toQuery())
  const kind = appKindOf(fields.kind)
  if (kind === undefined) return visit.show({ title: 'New app', section: CLIENTS_PATH, body: clientKinds() }, 422)
  const registration = registrationOf(kind, fields, scopeOffers(kind, await deps.resourceServers()))
  const read = readRegistration(registration, { kind: clientKindOf(kind), certificates: deps.certificates })
  const faults = faultsIn(kind, { fields, registration }, 'issues' in read ? read.issues : [])
  if ('issues' in read || faults.length > 0) return showForm(deps, visit, kind, fields, faults)
  const { metadata } = read
  let shown: Awaited<ReturnType<ClientAdministration['register']>>
  try {
    shown = await deps.administration.register(metadata, visit.change())
  } catch (error) {
    return showForm(deps, visit, kind, fields, [refusalOf(error)])
  }
  const href = clientHref(metadata.client_id)
  if (shown === undefined) return redirectWithNotice(ctx, href, 'The app is registered. Next: put it in your app, as below.')
  const client = { id: metadata.client_id, ...(metadata.client_name === undefined ? {} : { name: metadata.client_name }) }
  const body = clientSecretShown({ client, secret: shown.secret, isNew: true })
  visit.show({ title: 'The secret of the app', section: CLIENTS_PATH, body }, 201)
}

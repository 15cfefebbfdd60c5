// Before an app in the console is suspended, let in again, deleted, or loses its secrets: what happens, and why.
import { type Html, html } from '../html.ts'
import { type AskingForm, askFirst } from './asking.ts'
import type { HoldsView } from './client-parts.ts'
import { facts } from './lists.ts'
import { count } from './tree.ts'

/** What the pages that ask before a client's end show. */
export interface ClientEndView extends AskingForm {
  readonly client: { readonly id: string; readonly name?: string }
  readonly holds: HoldsView
}

/** Before it is suspended. */
export function clientSuspension({ client, holds, ...form }: ClientEndView): Html {
  return askFirst({
    ...form,
    of: nameOf(client),
    title: 'Suspend the app',
    says: html`${whatEnds(holds)}
<p class="lead">Nobody can use it until it is let in again. What was ended does not come back.</p>`,
    button: 'Suspend it',
    danger: true,
  })
}

/** Before all that it has ends, with its secrets. */
export function clientCompromise({ client, holds, ...form }: ClientEndView): Html {
  return askFirst({
    ...form,
    of: nameOf(client),
    title: 'Somebody else has its secret',
    says: html`${whatEnds(holds)}
<p class="lead">Its secrets are never good again, and it needs a new one before it can get tokens. A provision file that has the old one does not bring it back.</p>`,
    button: 'End all that it has',
    danger: true,
  })
}

/** What the page shows that asks before one is let in again. */
export interface ReinstatementView extends Omit<ClientEndView, 'holds'> {
  readonly client: ClientEndView['client'] & { readonly tokensFrom?: { readonly inSeconds: number } }
}

/** Before it is let in again. */
export function clientReinstatement({ client, ...form }: ReinstatementView): Html {
  const { tokensFrom } = client
  return askFirst({
    ...form,
    of: nameOf(client),
    title: 'Let the app in again',
    says: html`<p class="lead">People can sign in to it again. What was ended when it was suspended stays so.</p>${
      tokensFrom !== undefined &&
      html`
<p class="lead">It was suspended a moment ago, and gets no tokens before ${count(tokensFrom.inSeconds, 'second')} are over: by then every process of the server has heard of it.</p>`
    }`,
    button: 'Let it in',
  })
}

/** Before it is gone. */
export function clientDeletion({ client, holds, ...form }: ClientEndView): Html {
  return askFirst({
    ...form,
    of: nameOf(client),
    title: 'Delete the app',
    says: html`${whatEnds(holds)}
<p class="lead">It is gone, with its secrets. Its client_id can be registered again, and nothing that was ended comes back. To stop it for a while,
suspend it.</p>`,
    button: 'Delete it',
    danger: true,
  })
}

function nameOf({ id, name }: ClientEndView['client']) {
  return { name: html`<bdi>${name ?? id}</bdi>`, href: `/admin/clients/${encodeURIComponent(id)}` }
}

function whatEnds({ grants, refreshFamilies, accounts, more }: HoldsView): Html {
  const beyond = more ? ' or more' : ''
  return facts([
    ['People', `${accounts}${beyond}`],
    ['Grants that end', `${grants}${beyond}`],
    ['Refresh tokens', `${refreshFamilies}${beyond}`],
    ['Access tokens', 'all of the app’s: APIs that listen refuse them within a second'],
  ])
}

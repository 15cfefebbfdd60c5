// Whose something is: the person by their e-mail address. Of an account that is deleted nothing is left but its id.
import { emailAddress } from '../email-address.ts'
import { type Html, html } from '../html.ts'

/** An account that has something. */
export interface Owner {
  readonly id: string
  /** Left out: it is deleted. */
  readonly email?: string
  readonly name?: string
}

/** For a place that may be narrow. */
export function ownerName({ id, email }: Owner): Html {
  return email === undefined ? html`deleted account <bdi>${id}</bdi>` : emailAddress(email)
}

/** For a title, or for those who hear it. */
export function ownerText({ id, email }: Owner): string {
  return email ?? `deleted account ${id}`
}

/** The way to its page; a deleted one has none. */
export function ownerLink(owner: Owner): Html {
  const { id, email, name = email } = owner
  return email === undefined ? ownerName(owner) : html`<a href="/admin/accounts/${id}"><bdi>${name}</bdi></a>`
}

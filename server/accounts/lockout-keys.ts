// Under what failures are counted: digests of an e-mail address or account under a key of the server, so that the table does not tell
// who tried to sign in.
import { createHmac } from 'node:crypto'

/** A digest. */
export type LockoutKey = Buffer<ArrayBuffer>

/** Makes them. */
export interface LockoutKeys {
  /** Sign-ins to an account, from wherever; by its e-mail address in canonical form. */
  signIn(emailKey: string): LockoutKey
  /** Sign-ins to an account from a place where it has signed in before. */
  signInFrom(emailKey: string, address: string): LockoutKey
  /** The current password, asked again within a session. */
  confirmation(accountId: string): LockoutKey
}

/** `addressKey` maps an address to what counts as one place (IPv6 by its network). */
export function createLockoutKeys({
  secret,
  addressKey,
}: {
  readonly secret: Buffer
  readonly addressKey: (address: string) => string
}): LockoutKeys {
  const digest = (...parts: string[]): LockoutKey => Buffer.from(createHmac('sha256', secret).update(parts.join('\0')).digest())
  return {
    signIn: (key) => digest('sign-in', mailboxOf(key)),
    signInFrom: (key, address) => digest('sign-in from', mailboxOf(key), addressKey(address)),
    confirmation: (accountId) => digest('confirmation', accountId),
  }
}

/** What a key is called in the audit log: that two attempts were at the same account can be seen, and not at which. */
export function subjectOf(key: Uint8Array): string {
  return Buffer.from(key.subarray(0, SUBJECT_BYTES)).toString('hex')
}

/** The first and the last key that are called so; undefined when nothing can be. */
export function keysOfSubject(subject: string): { readonly first: LockoutKey; readonly last: LockoutKey } | undefined {
  if (!/^[0-9a-f]{16}$/.test(subject)) return undefined
  const beginning = Buffer.from(subject, 'hex')
  const rest = KEY_BYTES - SUBJECT_BYTES
  return { first: Buffer.concat([beginning, Buffer.alloc(rest)]), last: Buffer.concat([beginning, Buffer.alloc(rest, 0xff)]) }
}

const KEY_BYTES = 32
const SUBJECT_BYTES = 8

/** Whose addresses lead to a mailbox: its own, and those with anything after a plus. */
export interface Mailbox {
  readonly address: string
  /** How the others begin and end; undefined when it is no address, and there are none. */
  readonly others?: { readonly beginning: string; readonly end: string }
}

/** The mailbox of an e-mail address in canonical form. */
export function mailbox(emailKey: string): Mailbox {
  const address = mailboxOf(emailKey)
  const at = address.lastIndexOf('@')
  return at < 0 ? { address } : { address, others: { beginning: `${address.slice(0, at)}+`, end: address.slice(at) } }
}

/** Without the part after a plus: mail to it lands in the same mailbox, so guesses at it count together. */
function mailboxOf(key: string): string {
  return key.replace(/\+[^@]*(?=@)/, '')
}

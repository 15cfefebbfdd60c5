// What may be kept of what strangers sent: short, on one line, and without anything that is a secret, or looks like one.
import { SHORTEST_CLIENT_SECRET } from '../clients/client-secrets.ts'
import type { Refusal } from './refusal.ts'

/** Makes text fit to be kept. */
export type Shown = (text: string, mostCharacters?: number) => string

/** What stands in the place of what is not kept. */
export const HIDDEN = '[hidden]'

/** What a request brings that opens something, or is only its sender's. */
const SECRET_PARAMETERS = [
  'client_assertion',
  'client_secret',
  'code',
  'code_challenge',
  'code_verifier',
  'device_code',
  'id_token_hint',
  'login_hint',
  'nonce',
  'password',
  'refresh_token',
  'request',
  'request_uri',
  'state',
  'token',
]

const LONGEST = 300
const SHORTEST_SECRET = 8

/** More than this is not even looked at. */
const LONGEST_LOOKED_AT = 4000

/** Makes it for what came with one request. `registered`: there is a client of its `client_id`. */
export function createShown(
  { params, secret, proof, clientId }: Pick<Refusal, 'params' | 'secret' | 'proof' | 'clientId'>,
  registered: boolean,
): Shown {
  const names = registered ? [] : [clientId, params.client_id].filter((name) => name !== undefined && couldBeSecret(name))
  const brought = [...SECRET_PARAMETERS.map((name) => params[name]), secret, proof, ...names]
  const secrets = [...new Set(brought.flatMap((value) => (value === undefined ? [] : spellingsOf(value))))]
    // The longest first: one may be a part of another.
    .toSorted((one, other) => other.length - one.length)
  return (text, mostCharacters = LONGEST) => {
    if (secrets.includes(text)) return HIDDEN
    let kept = text.slice(0, LONGEST_LOOKED_AT)
    // What is shorter protects nothing, and may stand in words of ours.
    for (const value of secrets) if (value.length >= SHORTEST_SECRET) kept = kept.replaceAll(value, HIDDEN)
    kept = kept
      .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\u{FFFD}')
      .replace(/eyJ[\w-]*\.[\w-]*(?:\.[\w-]*)*/g, HIDDEN)
      .replace(/(?<![A-Za-z0-9])(?:rt|at|ct)_[\w.-]{8,}/g, HIDDEN)
      .replace(/[\w-]{28,}/g, (run) => (looksRandom(run) ? HIDDEN : run))
      .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/?#@\s]*@/gi, `$1${HIDDEN}@`)
    return kept.length > mostCharacters ? `${kept.slice(0, mostCharacters)}…` : kept
  }
}

/** Secrets come in the place of names; ours are long. */
function couldBeSecret(name: string): boolean {
  return (
    name.length >= SHORTEST_CLIENT_SECRET &&
    !/^https?:\/\//.test(name) &&
    !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)
  )
}

/** Secrets of other makers: letters of both cases with digits, or a digest in hexadecimal digits. No name is written so. */
function looksRandom(run: string): boolean {
  return (/[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run)) || /[0-9a-f]{32,}/i.test(run)
}

/** What came twice stands there with a space between; half characters have no encoding. */
function spellingsOf(value: string): string[] {
  const parts = value.split(' ').filter((part) => part.length >= 2 * SHORTEST_SECRET)
  return [value, ...parts].flatMap((one) => (one === '' ? [] : [one, encodeURIComponent(one.toWellFormed())]))
}

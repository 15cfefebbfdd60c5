// What scopes mean, for the people whose they are: on the page that asks for them, and on the one where they are taken back.

/** What is known of APIs, by their identifiers: what they are called, and what is to be read of their scopes. */
export interface KnownApis {
  readonly [identifier: string]: { readonly name?: string; readonly scopes: { readonly [scope: string]: string } }
}

/** What a scope of OpenID Connect gives; the scope itself where nothing is known of it. */
export function openidWords(scope: string): { readonly what: string; readonly detail?: string } {
  const [what, detail] = IN_PLAIN_WORDS.get(scope) ?? [scope, undefined]
  return { what, ...(detail === undefined ? {} : { detail }) }
}

// OIDC Core §5.4 and §11 say what these scopes give.
const IN_PLAIN_WORDS: ReadonlyMap<string, readonly [what: string, detail: string]> = new Map([
  ['openid', ['Know who you are', 'It gets an identifier that stays the same each time you sign in.']],
  ['profile', ['See your profile', 'Your name, picture, language and the like.']],
  ['email', ['See your e-mail address', 'And whether it has been verified.']],
  ['address', ['See your postal address', 'As it stands in your account.']],
  ['phone', ['See your phone number', 'And whether it has been verified.']],
  ['offline_access', ['Stay connected while you are away', 'Even after you sign out, until you or an administrator end it.']],
])

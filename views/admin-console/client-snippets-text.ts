// What snippets are made of.

/** What they are filled in with. */
export interface SnippetFacts {
  readonly issuer: string
  readonly clientId: string
  readonly redirectUris: readonly string[]
  /** Where people land after signing out. */
  readonly logoutUri?: string
  /** What a request asks for: what the app may ask for, of one API at most. */
  readonly scopes: readonly string[]
  /** The API whose scopes are among them. */
  readonly resource?: string
  /** There are scopes of others, for which another token is asked for. */
  readonly moreApis: boolean
  /** A `token_endpoint_auth_method`. */
  readonly authMethod: string
  /** Of its ID tokens, where it is not the usual one. */
  readonly idTokenAlgorithm?: string
  /** The API that the client is, where one names it. */
  readonly actsFor?: string
}

/** One of them. */
export interface Snippet {
  readonly title: string
  /** What has to be known beside it. */
  readonly note?: string
  readonly code: string
}

/** Makes one. */
export type MakeSnippet = (facts: SnippetFacts) => Snippet

/** Lines that are there. */
export function lines(...all: readonly (string | false | undefined)[]): string {
  return all.filter((line) => line !== false && line !== undefined).join('\n')
}

/** A string, as JavaScript, YAML, C#, Java and Swift all write it. */
export function quoted(text = ''): string {
  return JSON.stringify(text)
}

/** A word of a shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** The path of an address; `/callback` of what is none. */
export function pathOf(uri = ''): string {
  return URL.parse(uri)?.pathname ?? '/callback'
}

/** The first lines with openid-client. */
export function discovery({ issuer, clientId, idTokenAlgorithm }: SnippetFacts, auth: string): string[] {
  const metadata = idTokenAlgorithm === undefined ? 'undefined' : `{ id_token_signed_response_alg: ${quoted(idTokenAlgorithm)} }`
  const common = `new URL(${quoted(issuer)}), ${quoted(clientId)}, ${metadata}, ${auth}`
  if (!issuer.startsWith('http:')) return [`const server = await client.discovery(${common})`]
  return [
    `const server = await client.discovery(${common}, {`,
    '  execute: [client.allowInsecureRequests], // the issuer is http: on your own machine only',
    '})',
  ]
}

/** How a client authenticates with openid-client. */
export function clientAuth({ authMethod }: SnippetFacts): string {
  if (authMethod === 'client_secret_post') return 'client.ClientSecretPost(process.env.CLIENT_SECRET)'
  if (authMethod === 'private_key_jwt') return 'client.PrivateKeyJwt(privateKey)'
  if (authMethod === 'none') return 'client.None()'
  return authMethod.includes('tls_client_auth') ? 'client.TlsClientAuth()' : 'client.ClientSecretBasic(process.env.CLIENT_SECRET)'
}

/** What a request asks for. */
export function scopeOf({ scopes }: SnippetFacts): string {
  return scopes.join(' ')
}

/** OIDC Core §11: offline_access needs consent each time. */
export function asksAgain({ scopes }: SnippetFacts): boolean {
  return scopes.includes('offline_access')
}

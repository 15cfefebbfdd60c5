// The console's pages of clients, made with one text in the place of everything that others write.
import { clientDetail } from '../../views/admin-console/client.ts'
import { clientCompromise, clientDeletion, clientReinstatement, clientSuspension } from '../../views/admin-console/client-ends.ts'
import { clientChange, clientKinds, newClient } from '../../views/admin-console/client-forms.ts'
import { clientSecretEnd, clientSecretShown, newClientSecret } from '../../views/admin-console/client-secrets.ts'
import { clientList } from '../../views/admin-console/clients.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/** The pages by name. */
export function clientPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const row = { id: text, name: text, kind: 'web', status: 'active', managedBy: 'provision', createdAt: WHEN }
  const bare = { id: `${text} 2`, kind: 'machine', status: 'suspended', createdAt: WHEN }
  const list = {
    ...{ clients: [row, bare], asked: { q: text, kind: 'web' }, mayWrite: true },
    views: [{ label: text, href: '/admin/clients', current: true }],
    chips: [{ label: text, value: text, withoutHref: '/admin/clients' }],
  }
  const limits = [
    { setting: text, seconds: 900 },
    { setting: `${text} 2`, seconds: 5400 },
  ]
  const life = { seconds: 900, decidedBy: text, limits }
  const used = { unused: life, most: { ...life, seconds: 86_400 } }
  const holds = { grants: 3, refreshFamilies: 2, accounts: 1, more: true }
  const snippetFacts = {
    ...{ issuer: text, clientId: text, redirectUris: [text], logoutUri: text, scopes: [text], resource: text, moreApis: true },
    ...{ authMethod: 'client_secret_basic', idTokenAlgorithm: text, actsFor: text },
  }
  const { actsFor: _none, ...unnamed } = snippetFacts
  const detail = {
    client: {
      ...row,
      metadata: { redirect_uris: [text, `${text} 2`], grant_types: [text], scope: text },
      secrets: [
        { id: text, createdAt: WHEN, expiresAt: WHEN, expired: true },
        { id: `${text} 2`, createdAt: WHEN, expiresAt: WHEN, expired: false },
        { id: `${text} 3`, createdAt: WHEN, expired: false },
      ],
      actsFor: [text],
    },
    usesSecret: true,
    secretDueDays: 90,
    snippets: { kind: 'web', facts: snippetFacts },
    holds,
    lives: {
      ...{ session: used, grant: life, refreshToken: used, offlineRefreshToken: used, idToken: life },
      accessTokens: [
        { ...life, format: 'opaque' },
        { ...life, format: 'jwt', resource: text },
        { ...life, format: 'jwt', resource: text, fixed: true as const },
      ],
      unknownScopes: [text],
    },
    mayStop: true,
    mayWrite: true,
    outOfReach: false,
    now: new Date('2026-06-03T10:00:00Z'),
  }
  const { managedBy: _, ...own } = detail.client
  const byHand = { ...own, secrets: [{ id: text, createdAt: WHEN, expired: false }] }
  const none = {
    session: undefined,
    grant: undefined,
    refreshToken: undefined,
    offlineRefreshToken: undefined,
    idToken: undefined,
  }
  const machine = {
    client: { ...bare, metadata: { redirect_uris: [], grant_types: [], scope: '' }, secrets: [], actsFor: [] },
    usesSecret: true,
    secretDueDays: 90,
    snippets: { kind: 'machine', facts: { ...snippetFacts, moreApis: false, authMethod: 'private_key_jwt' } },
    holds: { grants: 0, refreshFamilies: 0, accounts: 0, more: false },
    lives: { ...none, accessTokens: [], unknownScopes: [] },
    mayStop: true,
    mayWrite: true,
    outOfReach: false,
    now: new Date('2026-06-03T10:00:00Z'),
  }
  const asked = { client: row, holds, action: '/admin/clients/one/suspension', reason: text, csrf: text }
  return [
    ['apps', clientList({ ...list, firstHref: '/', nextHref: '/' })],
    ['apps, none', clientList({ ...list, clients: [], fault: text })],
    ['app', clientDetail(detail)],
    ['app with nothing', clientDetail(machine)],
    ['app, for those who look', clientDetail({ ...detail, mayStop: false, mayWrite: false })],
    ['app that is out of reach', clientDetail({ ...detail, mayStop: false, mayWrite: false, outOfReach: true })],
    [
      'app that was let in again a moment ago',
      clientDetail({ ...detail, client: { ...detail.client, tokensFrom: { inSeconds: 9 } } }),
    ],
    ['app by hand', clientDetail({ ...detail, client: byHand, now: WHEN })],
    ...['spa', 'native', 'api'].map(
      (kind) =>
        [`app, what to put into it: ${kind}`, clientDetail({ ...detail, snippets: { kind, facts: snippetFacts } })] as const,
    ),
    ['app that is an API which nobody names', clientDetail({ ...detail, snippets: { kind: 'api', facts: unnamed } })],
    ...triedPages(text).map(([name, tried]) => [name, clientDetail({ ...detail, tried })] as const),
    ['suspension of an app', clientSuspension(asked)],
    ['compromise of an app', clientCompromise({ ...asked, holds: machine.holds })],
    ['reinstatement of an app', clientReinstatement({ client: bare, action: asked.action, reason: '', csrf: text })],
    [
      'reinstatement of an app a moment later',
      clientReinstatement({ client: { ...bare, tokensFrom: { inSeconds: 9 } }, action: asked.action, reason: '', csrf: text }),
    ],
    ['deletion of an app', clientDeletion(asked)],
    ...formPages(text),
    ...secretPages(text),
  ]
}

function triedPages(text: string) {
  const tried = { text, uri: text, matches: false, registered: text, reasons: [text, `${text} 2`], parts: [] }
  const parts = [
    { part: 'host', received: text, registered: `${text} 2` },
    { part: 'query', received: '', registered: text },
    { part: 'path', received: text, registered: text },
  ]
  return [
    ['app, a redirect URI that is good', { ...tried, matches: true, reasons: [], note: text, request: { clientId: text } }],
    ['app, a redirect URI that is not', { ...tried, parts, request: { clientId: `${text} 2` } }],
    ['app, an authorization request without one', { ...tried, request: { clientId: text, fault: text } }],
  ] as const
}

function formPages(text: string): readonly (readonly [string, Html])[] {
  const entered = {
    ...{ name: text, clientId: text, redirectUris: `${text}\n${text}`, postLogoutRedirectUris: text, backchannelLogoutUri: text },
    ...{ authMethod: 'client_secret_basic', jwksUri: text, skipConsent: true, refreshes: true, actsForItself: false },
    ...{ scopes: [text], otherScopes: text },
  }
  const offers = [
    { label: text, scopes: [{ scope: text, words: text }, { scope: `${text} 2` }] },
    { label: `${text} 2`, scopes: [{ scope: `${text} 3`, words: text }] },
  ]
  const form = { kind: 'web', entered, offers, csrf: text, faults: [] }
  const change = { client: { id: text, name: text }, choosesAuth: true, version: text, reason: text }
  return [
    ['new app, its kind', clientKinds()],
    ['new app', newClient(form)],
    ['new app refused', newClient({ ...form, kind: 'spa', faults: [text, text] })],
    ['new app on a device', newClient({ ...form, kind: 'native' })],
    ['new app without people', newClient({ ...form, kind: 'machine', offers: [] })],
    ['new app that is an API', newClient({ ...form, kind: 'api' })],
    ['change of an app', clientChange({ ...form, ...change })],
    ['change of an app refused', clientChange({ ...form, ...change, kind: 'machine', choosesAuth: false, faults: [text] })],
  ]
}

function secretPages(text: string): readonly (readonly [string, Html])[] {
  const client = { id: text, name: text }
  const secret = { id: text, createdAt: WHEN, expired: false }
  const secrets = [
    { ...secret, expiresAt: WHEN },
    { ...secret, id: `${text} 2` },
  ]
  const asked = { client, overlap: '3600', reason: text, csrf: text, version: text }
  const end = { client, secret, action: '/admin/clients/one/secrets/two/deletion', reason: text, csrf: text }
  return [
    ['secret of a new app', clientSecretShown({ client, secret: text, isNew: true })],
    ['another secret of an app', clientSecretShown({ client, secret: text, isNew: false, before: text })],
    ['new secret of an app', newClientSecret({ ...asked, secrets: [secret], provisioned: false, reasonMissing: true })],
    ['new secret of an app refused', newClientSecret({ ...asked, secrets, provisioned: true, fault: text })],
    ['end of a secret', clientSecretEnd({ ...end, last: false })],
    ['end of the last secret', clientSecretEnd({ ...end, last: true, fault: text })],
  ]
}

// The console's pages of clients, made with one text in the place of everything that others write.
import {
  clientCompromise,
  clientDetail,
  clientList,
  clientReinstatement,
  clientSuspension,
} from '../../views/admin-console/clients.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/** The pages by name. */
export function clientPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const row = { id: text, name: text, kind: 'web', status: 'active', managedBy: 'provision', createdAt: WHEN }
  const bare = { id: `${text} 2`, kind: 'machine', status: 'suspended', createdAt: WHEN }
  const list = {
    ...{ clients: [row, bare], asked: { q: text, kind: 'web' } },
    views: [{ label: text, href: '/admin/clients', current: true }],
    chips: [{ label: text, value: text, withoutHref: '/admin/clients' }],
  }
  const life = { seconds: 900, decidedBy: text }
  const used = { unused: life, most: { ...life, seconds: 86_400 } }
  const holds = { grants: 3, refreshFamilies: 2, accounts: 1, more: true }
  const detail = {
    client: {
      ...row,
      metadata: { redirect_uris: [text, `${text} 2`], grant_types: [text], scope: text },
      secrets: [
        { id: text, createdAt: WHEN, expiresAt: WHEN, expired: true },
        { id: `${text} 2`, createdAt: WHEN, expired: false },
      ],
      actsFor: [text],
    },
    holds,
    lives: {
      ...{ session: used, refreshToken: used, offlineRefreshToken: used, idToken: life },
      accessTokens: [
        { ...life, format: 'opaque' },
        { ...life, format: 'jwt', resource: text },
      ],
      unknownScopes: [text],
    },
    mayStop: true,
  }
  const none = { session: undefined, refreshToken: undefined, offlineRefreshToken: undefined, idToken: undefined }
  const machine = {
    client: { ...bare, metadata: { redirect_uris: [], grant_types: [], scope: '' }, secrets: [], actsFor: [] },
    holds: { grants: 0, refreshFamilies: 0, accounts: 0, more: false },
    lives: { ...none, accessTokens: [], unknownScopes: [] },
    mayStop: true,
  }
  const asked = { client: row, holds, action: '/admin/clients/one/suspension', reason: text, csrf: text }
  return [
    ['apps', clientList({ ...list, firstHref: '/', nextHref: '/' })],
    ['apps, none', clientList({ ...list, clients: [], fault: text })],
    ['app', clientDetail(detail)],
    ['app with nothing', clientDetail(machine)],
    ['app, for those who look', clientDetail({ ...detail, mayStop: false })],
    [
      'app, a redirect URI that is good',
      clientDetail({ ...detail, tried: { uri: text, matches: true, registered: text, reasons: [] } }),
    ],
    [
      'app, a redirect URI that is not',
      clientDetail({ ...detail, tried: { uri: text, matches: false, registered: text, reasons: [text] } }),
    ],
    ['suspension of an app', clientSuspension(asked)],
    ['compromise of an app', clientCompromise({ ...asked, holds: machine.holds })],
    ['reinstatement of an app', clientReinstatement({ client: bare, action: asked.action, reason: '', csrf: text })],
  ]
}

// The console's pages of grants, tokens and the apps that are told, made with one text in the place of everything that others write.
import { grantDetail, grantList } from '../../views/admin-console/grants.ts'
import { notificationList } from '../../views/admin-console/logout-notifications.ts'
import { grantRevocation } from '../../views/admin-console/revocation.ts'
import { endKeptToken, tokenFound } from '../../views/admin-console/token-found.ts'
import { listenersPage, tokensPage } from '../../views/admin-console/tokens.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/** The pages by name. */
export function grantPages(text: string): readonly (readonly [name: string, body: Html])[] {
  return [...ofGrants(text), ...ofTokens(text), ...ofNotifications(text)]
}

function ofGrants(text: string): readonly (readonly [string, Html])[] {
  const family = {
    ...{ generation: 3, createdAt: WHEN, rotatedAt: WHEN, idleExpiresAt: WHEN, absoluteExpiresAt: WHEN, sessionBound: true },
    ...{ live: false, endedAt: WHEN, endReason: 'refresh_token_reused' },
  }
  const grant = {
    ...{
      id: text,
      account: { id: text, email: text, name: text },
      client: { id: text, name: text, isListed: true },
      sessionId: text,
    },
    ...{ scopes: [text], resources: { [text]: [text] }, createdAt: WHEN, expiresAt: WHEN, live: true, state: 'live' as const },
    ...{ families: [family], accessTokensUntil: WHEN },
  }
  const over = { ...grant, id: `${text} 2`, live: false, state: 'ended' as const, endedAt: WHEN, endReason: text, families: [] }
  const list = {
    ...{ grants: [grant, over], asked: { account: text, state: 'live' }, mayRevoke: true },
    views: [{ label: text, href: '/admin/grants', current: true }],
    chips: [{ label: text, value: text, withoutHref: '/admin/grants' }],
  }
  const told = {
    ...{ id: text, clientId: text, state: 'failed', attempts: 2, lastStatus: 500, lastError: text },
    ...{ nextAttemptAt: WHEN, finishedAt: WHEN },
  }
  const detail = {
    ...{ grant, session: { id: text, device: text, state: 'live' }, notifications: [told], csrf: text },
    ...{ mayRevoke: true, mayOpenApp: true, mayTell: true },
    revocations: [{ sequence: 7, kind: 'grant_id', value: text, until: WHEN, createdAt: WHEN }],
    guards: [{ clientId: text, instance: text, sequence: 7, acknowledgedAt: WHEN, applied: true, silent: false }],
  }
  const { session: _session, ...alone } = detail
  const bare = {
    ...{ ...alone, grant: { ...over, scopes: [], resources: {} }, notifications: [], guards: [] },
    ...{ mayRevoke: false, mayOpenApp: false },
  }
  const preview = {
    ...{ grants: 3, more: true, counted: 2, accounts: 30, refreshFamilies: 1, logoutNotifications: 1 },
    people: [{ id: text, email: text, grants: 2 }],
    clients: [{ id: text, name: text, grants: 2 }],
  }
  const asked = { preview, csrf: text, reason: text, backHref: '/admin/grants' }
  return [
    ['grants', grantList({ ...list, revokeAllHref: '/admin/grants/revocation', firstHref: '/', nextHref: '/' })],
    ['grants for those who look', grantList({ ...list, mayRevoke: false })],
    ['grants, none', grantList({ ...list, grants: [], fault: text })],
    ['grants, none in this stretch', grantList({ ...list, grants: [], nextHref: '/' })],
    ['grant', grantDetail(detail)],
    ['grant that is over', grantDetail(bare)],
    ['grant of which nothing was revoked', grantDetail({ ...bare, grant, revocations: [] })],
    ['end of grants', grantRevocation({ ...asked, ids: [text, text] })],
    ['end of a filter of grants', grantRevocation({ ...asked, filter: text, reasonMissing: true })],
    ['end of grants from a report', grantRevocation({ ...asked, filter: text, back: text, backTo: 'report' })],
    ['end of no grant', grantRevocation({ ...asked, preview: { ...preview, grants: 0, more: false } })],
  ]
}

function ofTokens(text: string): readonly (readonly [string, Html])[] {
  const revocation = {
    ...{ sequence: 7, kind: 'sid', value: text, before: WHEN, until: WHEN, reason: text, createdAt: WHEN },
    by: { event: text, actor: text, reason: text },
  }
  const { by: _by, before: _before, ...nobodys } = { ...revocation, kind: 'jti' }
  const page = {
    ...{
      csrf: text,
      mayRevoke: true,
      pasted: text,
      named: { kind: 'sub', value: text, reason: text },
      reasonMissing: false,
      asked: { kind: 'sid', value: text },
    },
    revocations: [revocation, nobodys, { ...revocation, by: { event: text, actor: `acc_${text}` } }],
    chips: [{ label: text, value: text, withoutHref: '/admin/tokens' }],
  }
  const links = {
    client: { id: text, name: text, status: 'active', isListed: true },
    account: { id: text, email: text, status: 'suspended' },
    session: { id: text, state: 'ended', endReason: text },
    grant: { id: text, state: 'live' },
  }
  const found = {
    ...{ kind: 'access_token', active: true, signature: 'good', header: { alg: text }, claims: { [text]: text }, jti: text },
    ...{ issuedAt: WHEN, expiresAt: WHEN, links, revocations: [revocation], csrf: text, mayRevoke: true, mayRevokeGrant: true },
  }
  const none = { links: {}, revocations: [], csrf: text, mayRevoke: false, mayRevokeGrant: false, reason: text }
  const refresh = { generation: 1, newestGeneration: 2, rotatedAt: WHEN, replayUntil: WHEN }
  const listener = { clientId: text, instance: text, sequence: 7, behind: 0, acknowledgedAt: WHEN, silent: false }
  return [
    ['tokens', tokensPage({ ...page, firstHref: '/', nextHref: '/' })],
    ['tokens for those who look', tokensPage({ ...page, mayRevoke: false, revocations: [], fault: text })],
    [
      'tokens, nothing filled in',
      tokensPage({ ...page, pasted: '', named: { kind: '', value: '', reason: '' }, asked: {}, chips: [] }),
    ],
    ['tokens, no reason', tokensPage({ ...page, named: { kind: '', value: text, reason: '' }, reasonMissing: true })],
    ['token', tokenFound(found)],
    ['token that is forged', tokenFound({ ...found, ...none, active: false, signature: 'bad' })],
    ['refresh token', tokenFound({ ...none, kind: 'refresh_token', active: false, refresh, links })],
    ['token, unknown', tokenFound({ ...none, kind: 'unknown', active: false })],
    ['token by its name', tokenFound({ ...none, kind: 'jti', active: undefined, jti: text })],
    ['tokens of a key', tokenFound({ ...none, kind: 'kid', active: true, keyHref: `/admin/keys/${text}` })],
    [
      'token of a deleted app',
      tokenFound({ ...found, active: false, links: { ...links, client: { ...links.client, isListed: false } } }),
    ],
    ['token to end', endKeptToken({ action: '/', digest: text, reason: '', reasonMissing: true, csrf: text })],
    [
      'listeners',
      listenersPage({ listeners: [listener, { ...listener, sequence: 5, behind: 2 }], newest: 7, firstHref: '/', nextHref: '/' }),
    ],
    ['listeners, none', listenersPage({ listeners: [], newest: 0 })],
  ]
}

function ofNotifications(text: string): readonly (readonly [string, Html])[] {
  const told = {
    ...{
      id: text,
      clientId: text,
      sessionId: text,
      accountId: text,
      accountEndedAt: undefined,
      grantId: undefined,
      cause: text,
      createdAt: WHEN,
    },
    ...{ state: 'failed', attempts: 2, lastStatus: 500, lastError: text, nextAttemptAt: WHEN, finishedAt: WHEN },
  }
  const list = {
    notifications: [told, { ...told, id: `${text} 2`, grantId: text, state: 'delivered', lastError: undefined, attempts: 1 }],
    views: [{ label: text, href: '/admin/logout-notifications', current: true }],
    chips: [{ label: text, value: text, withoutHref: '/admin/logout-notifications' }],
    asked: { client: text },
    here: text,
    mayOpen: { apps: true, grants: true },
  }
  const closed = { apps: false, grants: false }
  return [
    ['apps told', notificationList({ ...list, csrf: text, firstHref: '/', nextHref: '/' })],
    ['apps told, for those who look', notificationList({ ...list, mayOpen: closed })],
    ['apps told, none', notificationList({ ...list, notifications: [], fault: text })],
  ]
}

// What administrators ask of the console when there is very much: each list, filter, search and page, again and again with other values.

import { filledId } from '../growth/fill.ts'
import { FIRST_NAMES, LAST_NAMES } from './fill-console.ts'

/** One kind of question: the address of the n-th time it is asked. */
export interface Question {
  readonly what: string
  readonly path: (n: number) => string
  /** What is sent by the search box; left out of what is only opened. */
  readonly q?: (n: number) => string
}

/** A filled-in id, spread over all of them. */
const some = (n: number, size: number) => 1 + ((n * 7919) % size)

/** A day of the month before, as the filters take it. */
function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
}

/** The page that says what would end. */
function ending(filter: string): string {
  return `/admin/sessions/revocation?${new URLSearchParams({ filter })}`
}

/** All of them; `sessions` of what was filled in. */
export function questions(sessions: number): readonly Question[] {
  const session = (n: number) => filledId('ses', some(n, sessions))
  const grant = (n: number) => filledId('gra', some(n, sessions))
  const account = (n: number) => filledId('acc', some(n, Math.ceil(sessions / 10)))
  const email = (n: number) => `${some(n, Math.ceil(sessions / 10))}@filled.example`
  // Of somebody who is there, also where there are few.
  const lastName = (n: number) =>
    LAST_NAMES[Math.floor(some(n, Math.ceil(sessions / 10)) / FIRST_NAMES.length) % LAST_NAMES.length] ?? ''
  const fixed = (what: string, path: string): Question => ({ what, path: () => path })
  return [
    // First of all: these want somebody who has just signed in.
    fixed('what ends: all that are live', ending('state=live')),
    fixed('what ends: idle for a week', ending('state=live&idle=7d')),
    fixed('what ends: of those with more than five', ending('state=live&more_than=5')),
    fixed('what ends: of administrators', ending('state=live&administrators=true')),
    { what: 'what ends: of a network', path: (n) => ending(`ip=10.${n % 200}.0.0/16`) },
    fixed('what ends: of a network with very many', ending('ip=10.0.0.0/12')),
    fixed('what ends: new device today', ending(`state=live&new_device=true&since=${daysAgo(0)}`)),
    fixed('overview', '/admin'),
    fixed('sessions', '/admin/sessions'),
    fixed('sessions, live', '/admin/sessions?state=live'),
    { what: 'sessions of an account', path: (n) => `/admin/sessions?account=${account(n)}` },
    { what: 'sessions of an address', path: (n) => `/admin/sessions?ip=10.${n % 200}.0.0/24` },
    { what: 'sessions of a network', path: (n) => `/admin/sessions?ip=10.${n % 200}.0.0/16` },
    fixed('sessions of a network with very many', '/admin/sessions?ip=10.0.0.0/12'),
    fixed('sessions of a network long ago', '/admin/sessions?ip=172.16.0.0/16'),
    fixed('sessions by a password', '/admin/sessions?method=pwd'),
    fixed('sessions in a way that few have', '/admin/sessions?method=hwk'),
    fixed('sessions in a way that nobody has', '/admin/sessions?method=face'),
    { what: 'sessions, live, before a time', path: (n) => `/admin/sessions?state=live&before=${daysAgo(n % 28)}` },
    fixed('sessions, new device today', `/admin/sessions?state=live&new_device=true&since=${daysAgo(0)}`),
    fixed('sessions on a new device', '/admin/sessions?new_device=true'),
    { what: 'sessions of a rare app', path: (n) => `/admin/sessions?client=app-filled-${n % 200}` },
    fixed('sessions of an app', '/admin/sessions?client=bench-app'),
    fixed('sessions, idle for a week', '/admin/sessions?state=live&idle=7d'),
    fixed('sessions of those with more than five', '/admin/sessions?state=live&more_than=5'),
    fixed('sessions of administrators', '/admin/sessions?state=live&administrators=true'),
    { what: 'a session', path: (n) => `/admin/sessions/${session(n)}` },
    fixed('grants', '/admin/grants'),
    fixed('grants, live', '/admin/grants?state=live'),
    { what: 'grants of an account', path: (n) => `/admin/grants?account=${account(n)}` },
    fixed('grants with a scope', '/admin/grants?scope=billing:read'),
    fixed('grants, idle for a month', '/admin/grants?state=live&idle=30d'),
    { what: 'a grant', path: (n) => `/admin/grants/${grant(n)}` },
    fixed('accounts', '/admin/accounts'),
    { what: 'accounts by an address', path: (n) => `/admin/accounts?search=${some(n, sessions / 10)}@fil` },
    fixed('accounts, suspended', '/admin/accounts?status=suspended'),
    { what: 'accounts by a name', path: (n) => `/admin/accounts?search=${FIRST_NAMES[n % FIRST_NAMES.length]?.toLowerCase()}` },
    { what: 'accounts by a last name', path: (n) => `/admin/accounts?search=${lastName(n).slice(0, 4)}` },
    fixed('accounts, locked', '/admin/accounts?locked=true'),
    fixed('accounts, never signed in', '/admin/accounts?never_signed_in=true'),
    { what: 'an account', path: (n) => `/admin/accounts/${account(n)}` },
    { what: 'the search box, an e-mail address', path: () => '/admin/search', q: email },
    { what: 'the search box, a name', path: () => '/admin/search', q: lastName },
    { what: 'the search box, a session', path: () => '/admin/search', q: session },
    { what: 'the search box, a grant', path: () => '/admin/search', q: grant },
    fixed('audit log', '/admin/audit'),
    fixed('audit log, counted', '/admin/audit?facets=yes'),
    fixed('audit log, failed or refused', '/admin/audit?outcome=failed'),
    fixed('audit log, accounts', '/admin/audit?name=account.*'),
    fixed('audit log, signing keys', '/admin/audit?name=signing_key.*'),
    fixed('audit log by name', '/admin/audit?name=session.revoked'),
    { what: 'audit log of an account', path: (n) => `/admin/audit?account=${account(n)}` },
    { what: 'audit log of a session', path: (n) => `/admin/audit?session=${session(n)}` },
    { what: 'audit log of an address', path: (n) => `/admin/audit?ip=10.${n % 200}.${n % 250}.${n % 250}` },
    { what: 'audit log of a network', path: (n) => `/admin/audit?ip=10.${n % 200}.0.0/16&name=sign_in.failed` },
    { what: 'audit log of a request', path: (n) => `/admin/audit?request_id=req_filled${some(n, sessions)}` },
    fixed('failed sign-ins', '/admin/failed-sign-ins'),
    { what: 'failed sign-ins of an account', path: (n) => `/admin/failed-sign-ins?account=${account(n)}` },
    { what: 'failed sign-ins of an address', path: (n) => `/admin/failed-sign-ins?ip=10.${n % 200}.${n % 250}.${n % 250}` },
    fixed('failed sign-ins by a reason', '/admin/failed-sign-ins?reason=unknown_account'),
    fixed('blocks', '/admin/blocks'),
    fixed('tokens', '/admin/tokens'),
    {
      what: 'the search box, a session as an app knows it',
      path: () => '/admin/search',
      q: (n) => `sid_filled${some(n, sessions)}`,
    },
    fixed('apps', '/admin/clients'),
    fixed('an app', '/admin/clients/bench-app'),
    fixed('apps told', '/admin/logout-notifications'),
    fixed('system', '/admin/system'),
  ]
}

/** Lists that are leafed through, page after page. */
export const LISTS: readonly Question[] = [
  ['sessions', '/admin/sessions'],
  ['grants', '/admin/grants'],
  ['accounts', '/admin/accounts'],
  ['audit log', '/admin/audit'],
].map(([list, path = '']) => ({ what: `${list}, page after page`, path: () => path }))

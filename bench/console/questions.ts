// What administrators ask of the console when there is very much: each list, filter, search and page, again and again with other values.

/** One kind of question: the address of the n-th time it is asked. */
export interface Question {
  readonly what: string
  readonly path: (n: number) => string
  /** What is sent by the search box; left out of what is only opened. */
  readonly q?: (n: number) => string
}

/** A filled-in id, spread over all of them. */
const some = (n: number, size: number) => 1 + ((n * 7919) % size)

/** All of them; `sessions` of what was filled in. */
export function questions(sessions: number): readonly Question[] {
  const session = (n: number) => `ses_filled${some(n, sessions)}`
  const grant = (n: number) => `gra_filled${some(n, sessions)}`
  const account = (n: number) => `acc_filled${some(n, Math.ceil(sessions / 10))}`
  const email = (n: number) => `${some(n, Math.ceil(sessions / 10))}@filled.example`
  const fixed = (what: string, path: string): Question => ({ what, path: () => path })
  return [
    fixed('overview', '/admin'),
    fixed('sessions', '/admin/sessions'),
    fixed('sessions, live', '/admin/sessions?state=live'),
    { what: 'sessions of an account', path: (n) => `/admin/sessions?account=${account(n)}` },
    { what: 'sessions of an address', path: (n) => `/admin/sessions?ip=10.${n % 200}.0.0/24` },
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
    { what: 'an account', path: (n) => `/admin/accounts/${account(n)}` },
    { what: 'the search box, an e-mail address', path: () => '/admin/search', q: email },
    fixed('audit log', '/admin/audit'),
    fixed('audit log by name', '/admin/audit?name=session.revoked'),
    { what: 'audit log of an account', path: (n) => `/admin/audit?account=${account(n)}` },
    { what: 'audit log of a session', path: (n) => `/admin/audit?session=${session(n)}` },
    { what: 'audit log of an address', path: (n) => `/admin/audit?ip=10.${n % 200}.${n % 250}.${n % 250}` },
    { what: 'audit log of a network', path: (n) => `/admin/audit?ip=10.${n % 200}.0.0/16&name=sign_in.failed` },
    { what: 'audit log of a request', path: (n) => `/admin/audit?request_id=req_filled${some(n, sessions)}` },
    fixed('failed sign-ins', '/admin/failed-sign-ins'),
    fixed('blocks', '/admin/blocks'),
    fixed('tokens', '/admin/tokens'),
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

// Who may do what: the one page of rules that the console and the admin API both ask, noun by noun. What a role carries at all stands
// in roles.ts. Whoever may, may still only reach accounts and clients that can do no more than they can themselves; that is seen to
// where those are changed.
import { type AccessRule, type Powers, type Role, scopesOfRoles, whatIsMissing } from './roles.ts'

const EVERYBODY: readonly Role[] = ['owner', 'operator', 'auditor', 'helpdesk']
const LOOKING: readonly Role[] = ['owner', 'operator', 'auditor']
const ENDING: readonly Role[] = ['owner', 'operator']
const OWNER: readonly Role[] = ['owner']

const ACCOUNTS_WRITE = 'accounts:write'
const CLIENTS_WRITE = 'clients:write'

/** The rules. */
export const ACCESS = {
  /** The first page. What it tells of each noun, and which duties, is by the rules of their own pages. */
  overview: {
    read: { scope: 'sessions:read', roles: EVERYBODY },
  },
  sessions: {
    read: { scope: 'sessions:read', roles: EVERYBODY },
    /** To end them, and to have apps told once more that they are over. */
    revoke: { scope: 'sessions:revoke', roles: ENDING },
  },
  /** Ends of many things in the background, and what was said of why. Those of grants take what grants take as well. */
  revocationJobs: {
    read: { scope: 'sessions:read', roles: LOOKING },
  },
  grants: {
    read: { scope: 'grants:read', roles: LOOKING },
    revoke: { scope: 'grants:revoke', roles: ENDING },
  },
  tokens: {
    read: { scope: 'tokens:read', roles: LOOKING },
    revoke: { scope: 'tokens:revoke', roles: ENDING },
  },
  accounts: {
    read: { scope: 'accounts:read', roles: EVERYBODY },
    create: { scope: ACCOUNTS_WRITE, roles: ['owner', 'helpdesk'] },
    /** Of an account that is made, or is there: the name and other facts about the person. */
    describe: { scope: ACCOUNTS_WRITE, roles: ['owner', 'helpdesk'] },
    /** What decides who gets in, and what for: the address, whether it is verified, roles, hashes of passwords. */
    decide: { scope: ACCOUNTS_WRITE, roles: OWNER },
    /** Links to set a password that are mailed to the person, and lifting what slows sign-ins down. */
    help: { scope: ACCOUNTS_WRITE, roles: ['owner', 'operator', 'helpdesk'] },
    /** To be shown such a link: it is a secret, and whoever has it gets in. */
    seeLinks: { scope: ACCOUNTS_WRITE, roles: ENDING },
    /** Suspension, reinstatement, containment. */
    stop: { scope: ACCOUNTS_WRITE, roles: ENDING },
    delete: { scope: ACCOUNTS_WRITE, roles: OWNER },
    import: { scope: ACCOUNTS_WRITE, roles: OWNER },
    failedSignIns: { scope: 'audit:read', roles: LOOKING },
  },
  clients: {
    read: { scope: 'clients:read', roles: LOOKING },
    write: { scope: CLIENTS_WRITE, roles: OWNER },
    /** Suspension, reinstatement, compromise: in an emergency it must not be necessary to wake an owner. */
    stop: { scope: CLIENTS_WRITE, roles: ENDING },
  },
  resourceServers: {
    read: { scope: 'resource-servers:read', roles: LOOKING },
    write: { scope: 'resource-servers:write', roles: OWNER },
  },
  keys: {
    read: { scope: 'keys:read', roles: LOOKING },
    /** Also to end all tokens that a key has signed: they are everybody's, and the key could as well be said to be compromised. */
    write: { scope: 'keys:write', roles: OWNER },
  },
  /** How old those of apps and webhooks are; each only for whoever may see what has it. */
  secrets: {
    read: { scope: 'keys:read', roles: LOOKING },
  },
  /** They are about apps, and for those who build them. */
  refusedRequests: {
    read: { scope: 'clients:read', roles: LOOKING },
  },
  webhooks: {
    read: { scope: 'webhooks:read', roles: LOOKING },
    write: { scope: 'webhooks:write', roles: OWNER },
  },
  auditEvents: {
    read: { scope: 'audit:read', roles: LOOKING },
    /** To take the log home as a file. */
    export: { scope: 'audit:read', roles: ['owner', 'auditor'] },
  },
  /** Session audits. What is ended on the way is ended by the rules of what it is. */
  sessionReviews: {
    read: { scope: 'audit:read', roles: LOOKING },
    /** To have one made, and to say of what was found that it stays. */
    write: { scope: 'audit:write', roles: LOOKING },
    /** Not for operators: they end what was found, and somebody else says that it was looked at. */
    signOff: { scope: 'audit:write', roles: ['owner', 'auditor'] },
    export: { scope: 'audit:read', roles: ['owner', 'auditor'] },
  },
  /** How the server is set and how it fares: no scope of the API is about that, and whoever may read the audit log may see it. */
  settings: {
    read: { scope: 'audit:read', roles: LOOKING },
  },
  system: {
    read: { scope: 'audit:read', roles: LOOKING },
  },
} as const satisfies { readonly [noun: string]: { readonly [what: string]: AccessRule } }

/**
 * All that somebody may do, by names: their scopes, and each rule that they may use. Two roles may carry the same scopes, and one of them
 * have what the other is kept from.
 */
export function powersOf(powers: Powers): ReadonlySet<string> {
  const mayUse = Object.entries(ACCESS).flatMap(([noun, rules]) =>
    Object.entries<AccessRule>(rules).flatMap(([what, rule]) =>
      whatIsMissing(rule, powers) === undefined ? [`${noun}.${what}`] : [],
    ),
  )
  return new Set([...powers.scopes, ...mayUse])
}

/** The same of a person with some roles. */
export function powersOfRoles(roles: readonly string[]): ReadonlySet<string> {
  return powersOf({ scopes: scopesOfRoles(roles), roles })
}

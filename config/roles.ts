// The roles of people on this server, and what each of them may do: the one table that the console and the admin API both ask.
import { ADMIN_SCOPES } from './scopes.ts'

/** The roles, the one that may do most first. */
export const ROLES = ['owner', 'operator', 'auditor', 'helpdesk'] as const

/** One of them. */
export type Role = (typeof ROLES)[number]

const READING = ADMIN_SCOPES.filter((scope) => scope.endsWith(':read'))

/** Which scopes of the admin API a role carries. What a route asks for besides is in its rule. */
export const ROLE_SCOPES: { readonly [role in Role]: readonly string[] } = Object.freeze({
  owner: ADMIN_SCOPES,
  operator: [...READING, 'sessions:revoke', 'grants:revoke', 'tokens:revoke', 'accounts:write', 'clients:write', 'audit:write'],
  auditor: [...READING, 'audit:write'],
  helpdesk: ['accounts:read', 'accounts:write', 'sessions:read'],
})

/** All scopes of some roles together. What is no role of ours carries nothing. */
export function scopesOfRoles(roles: readonly string[]): ReadonlySet<string> {
  return new Set(ROLES.filter((role) => roles.includes(role)).flatMap((role) => ROLE_SCOPES[role]))
}

/** Who may use a route: clients and people need the scope, and people one of the roles as well. */
export interface AccessRule {
  readonly scope: string
  readonly roles: readonly Role[]
}

/** Who asks. */
export interface Powers {
  /** What the caller may do at most: of a client the scopes of its token, of a person those of the roles and of the token. */
  readonly scopes: ReadonlySet<string>
  /** Of a person; undefined for a client. */
  readonly roles?: readonly string[]
}

/** What is missing to use a route; undefined when nothing is. */
export function whatIsMissing(rule: AccessRule, { scopes, roles }: Powers): 'scope' | 'role' | undefined {
  // Whoever lacks the role is told so: no other token would help.
  if (roles !== undefined && !rule.roles.some((role) => roles.includes(role))) return 'role'
  return scopes.has(rule.scope) ? undefined : 'scope'
}

/** Whether someone who may do `scopes` may also give, or act upon, what carries `others`: nobody reaches beyond what they have. */
export function covers(scopes: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...others].every((scope) => scopes.has(scope))
}

// Who uses the admin API: a client for itself, or a person through a client. What they may do is decided by config/roles.ts.
import type { Context } from 'koa'
import { powersOf } from '../../config/access.ts'
import { type AccessRule, type Powers, scopesOfRoles, whatIsMissing } from '../../config/roles.ts'
import type { Change } from '../audit/change.ts'
import { HttpProblem } from '../http/problems.ts'
import { originOf } from '../http/request-context.ts'

/** Whose token it is, and what that says. */
export interface ApiToken {
  readonly clientId: string
  /** The person; undefined for a client's own token. */
  readonly accountId?: string
  readonly scopes: ReadonlySet<string>
  /** Of the person, as they are now. */
  readonly roles?: readonly string[]
}

/** Whoever asks. */
export interface Caller extends Powers {
  /** For the audit log: the account's id, or the client's. */
  readonly actor: string
  readonly clientId: string
}

/** Makes a caller of a token: a person has no more than their roles carry, whatever the token says. */
export function callerOf({ clientId, accountId, scopes, roles }: ApiToken): Caller {
  if (accountId === undefined) return { actor: clientId, clientId, scopes }
  const carried = scopesOfRoles(roles ?? [])
  return { actor: accountId, clientId, roles: roles ?? [], scopes: new Set([...scopes].filter((scope) => carried.has(scope))) }
}

/** @throws HttpProblem 403, and says in `WWW-Authenticate` which scope is missing (RFC 6750 §3.1) */
export function checkAccess(ctx: Context, rule: AccessRule, caller: Caller): void {
  const missing = whatIsMissing(rule, caller)
  if (missing === undefined) return
  if (missing === 'role') {
    const detail = `This takes one of the roles ${rule.roles.join(', ')}.`
    throw new HttpProblem(403, 'Not allowed', detail, { type: 'insufficient-role' })
  }
  const description = `The scope ${rule.scope} is missing.`
  ctx.set(
    'WWW-Authenticate',
    `Bearer realm="latchkey", error="insufficient_scope", scope="${rule.scope}", error_description="${description}"`,
  )
  throw new HttpProblem(403, 'Not allowed', description, { type: 'insufficient-scope' })
}

/** What is written to the audit log of what a caller does. */
export function changeBy(ctx: Context, { actor, clientId, ...powers }: Caller, reason?: string): Change {
  return {
    actor,
    powers: powersOf(powers),
    origin: originOf(ctx),
    ...(actor === clientId ? {} : { through: clientId }),
    ...(reason === undefined || reason === '' ? {} : { reason }),
  }
}

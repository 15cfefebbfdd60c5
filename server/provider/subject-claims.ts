// Accounts as the library sees them: a subject, and its claims by scope (OpenID Connect Core §5.1, §5.4).
import type { Account as Subject } from 'oidc-provider'
import { OPENID_SCOPES } from '../../config/scopes.ts'

/** What claims are made of. */
export interface SubjectAccount {
  readonly id: string
  readonly email: string
  readonly emailVerified: boolean
  readonly name?: string | null | undefined
  /** Further standard claims by their names. */
  readonly profile: { readonly [claim: string]: unknown }
  readonly roles: readonly string[]
}

const KNOWN = new Set(Object.values(OPENID_SCOPES).flat())

/** Makes the library's account; which of the claims are shown is decided by scope and consent. */
export function subjectOf(account: SubjectAccount): Subject {
  return {
    accountId: account.id,
    roles: account.roles,
    async claims() {
      const profile = Object.entries(account.profile).filter(([claim]) => KNOWN.has(claim))
      return {
        ...Object.fromEntries(profile),
        ...(account.name ? { name: account.name } : {}),
        email: account.email,
        email_verified: account.emailVerified,
        sub: account.id,
      }
    },
  }
}

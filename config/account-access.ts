// Who may do what with accounts: what the console and the admin API both ask. Whoever may, may still only reach accounts that can do no
// more than they can themselves; that is seen to where accounts are changed (server/accounts/account-standing.ts).
import type { AccessRule } from './roles.ts'

const WRITE = 'accounts:write'

/** The rules. */
export const ACCOUNT_ACCESS = {
  read: { scope: 'accounts:read', roles: ['owner', 'operator', 'auditor', 'helpdesk'] },
  create: { scope: WRITE, roles: ['owner', 'helpdesk'] },
  /** Of an account that is made, or is there: the name and other facts about the person. */
  describe: { scope: WRITE, roles: ['owner', 'helpdesk'] },
  /** What decides who gets in, and what for: the address, whether it is verified, roles, hashes of passwords. */
  decide: { scope: WRITE, roles: ['owner'] },
  /** Links to set a password, and lifting what slows sign-ins down. */
  help: { scope: WRITE, roles: ['owner', 'operator', 'helpdesk'] },
  /** Suspension, reinstatement, containment. */
  stop: { scope: WRITE, roles: ['owner', 'operator'] },
  delete: { scope: WRITE, roles: ['owner'] },
  import: { scope: WRITE, roles: ['owner'] },
  failedSignIns: { scope: 'audit:read', roles: ['owner', 'operator', 'auditor'] },
} as const satisfies { readonly [what: string]: AccessRule }

// The sections of the console, in the order of its menu, and who sees which.
import { ACCESS } from '../../config/access.ts'
import type { AccessRule } from '../../config/roles.ts'

/** A section. */
export interface Section {
  readonly href: string
  readonly label: string
  readonly access: AccessRule
}

/** The sections. */
export const SECTIONS: readonly Section[] = [
  { href: '/admin', label: 'Overview', access: ACCESS.overview.read },
  { href: '/admin/sessions', label: 'Sessions', access: ACCESS.sessions.read },
  { href: '/admin/accounts', label: 'Accounts', access: ACCESS.accounts.read },
  { href: '/admin/grants', label: 'Grants', access: ACCESS.grants.read },
  { href: '/admin/tokens', label: 'Tokens', access: ACCESS.tokens.read },
  { href: '/admin/clients', label: 'Apps', access: ACCESS.clients.read },
  { href: '/admin/resource-servers', label: 'APIs', access: ACCESS.resourceServers.read },
  { href: '/admin/refused-requests', label: 'Refused requests', access: ACCESS.refusedRequests.read },
  { href: '/admin/logout-notifications', label: 'Apps told', access: ACCESS.sessions.read },
  { href: '/admin/failed-sign-ins', label: 'Failed sign-ins', access: ACCESS.accounts.failedSignIns },
  { href: '/admin/blocks', label: 'Blocks', access: ACCESS.accounts.read },
  { href: '/admin/session-audits', label: 'Session audit', access: ACCESS.sessionReviews.read },
  { href: '/admin/audit', label: 'Audit log', access: ACCESS.auditEvents.read },
  { href: '/admin/webhooks', label: 'Webhooks', access: ACCESS.webhooks.read },
  { href: '/admin/keys', label: 'Signing keys', access: ACCESS.keys.read },
  { href: '/admin/secrets', label: 'Secrets', access: ACCESS.secrets.read },
  { href: '/admin/settings', label: 'Settings', access: ACCESS.settings.read },
  { href: '/admin/system', label: 'System', access: ACCESS.system.read },
]

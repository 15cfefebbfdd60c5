// The sections of the console, in the order of its menu, and who sees which.
import type { AccessRule, Role } from '../../config/roles.ts'

/** A section. */
export interface Section {
  readonly href: string
  readonly label: string
  readonly access: AccessRule
}

const EVERYBODY: readonly Role[] = ['owner', 'operator', 'auditor', 'helpdesk']

/** The sections. */
export const SECTIONS: readonly Section[] = [
  { href: '/admin/sessions', label: 'Sessions', access: { scope: 'sessions:read', roles: EVERYBODY } },
]

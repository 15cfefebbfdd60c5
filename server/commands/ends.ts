// What the verbs end, in words. Nothing is loaded for it, so that help is quick.
import type { Ended } from '../tokens/ending.ts'

/** What is done to one account. */
export const ACCOUNT_DEEDS = {
  suspend: 'End all that an account has, and let nobody sign in to it',
  reinstate: 'Let a suspended account sign in again',
  contain: 'End all that an account has, and block its password until it is reset',
  delete: 'End all that an account has, and erase the person',
} as const

/** What is done to one client. */
export const CLIENT_DEEDS = {
  suspend: 'End all that a client was given, and let nobody use it',
  reinstate: 'Let a suspended client be used again',
  delete: 'End all that a client was given, and delete it',
  compromise: 'End all that a client was given, and take its secrets: somebody else has had one',
} as const

/** What one portion of a large end did. */
export interface EndedSome extends Ended {
  /** There may be more to end. */
  readonly more: boolean
}

/** What nothing has ended. */
export const NOTHING: Ended = { sessions: 0, grants: 0, refresh_families: 0, logout_notifications: 0, sequence: 0 }

/** One after the other. */
export function bothEnded(one: Ended, other: Ended): Ended {
  return {
    sessions: one.sessions + other.sessions,
    grants: one.grants + other.grants,
    refresh_families: one.refresh_families + other.refresh_families,
    logout_notifications: one.logout_notifications + other.logout_notifications,
    sequence: Math.max(one.sequence, other.sequence),
  }
}

/** What was ended. */
export function endedText({ sessions, grants, refresh_families, logout_notifications }: Ended): string {
  const counts = { sessions, grants, 'refresh tokens': refresh_families, 'notifications to apps': logout_notifications }
  return ['Ended:', ...Object.entries(counts).map(([what, count]) => `  ${what}: ${count}`)].join('\n')
}

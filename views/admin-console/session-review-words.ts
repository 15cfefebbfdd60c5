// What the findings of a session audit are called, and how they stand, in words: the same on the console's pages and in the page to print.
import { spokenDuration } from '../moment.ts'

/** What can be found. */
export type FindingKindWord = 'old_session' | 'dormant_grant' | 'unused_refresh_token' | 'old_client_secret' | 'unused_account'

/** From which age on it was found, in seconds. */
export interface ReviewAgesView {
  readonly session: number
  readonly grant: number
  readonly refreshToken: number
  readonly secret: number
  readonly account: number
}

/** What each kind is called, and what is meant by it. */
export const FINDING_WORDS: {
  readonly [kind in FindingKindWord]: { readonly title: string; says(ages: ReviewAgesView): string }
} = {
  old_session: {
    title: 'Old sessions',
    says: ({ session }) => `Live, and begun more than ${spokenDuration(session)} before the audit.`,
  },
  dormant_grant: {
    title: 'Dormant grants',
    says: ({ grant }) => `Live, and not used for ${spokenDuration(grant)}: the app still may, and does not.`,
  },
  unused_refresh_token: {
    title: 'Refresh tokens never used',
    says: ({ refreshToken }) =>
      `Good, given more than ${spokenDuration(refreshToken)} before the audit, and never used: nobody knows whether the app still has them.`,
  },
  old_client_secret: {
    title: 'Old secrets of apps',
    says: ({ secret }) => `Good, and made more than ${spokenDuration(secret)} before the audit.`,
  },
  unused_account: {
    title: 'Accounts never signed in to',
    says: ({ account }) => `Active, made more than ${spokenDuration(account)} before the audit, and nobody has ever signed in.`,
  },
}

/** The kinds in their order. */
export const FINDING_KIND_WORDS = Object.keys(FINDING_WORDS) as readonly FindingKindWord[]

/** How something that was found stands by now. */
export const STANDING_WORDS = { there: 'Still there', used: 'Used since', over: 'Ended' } as const

// Every cause for which a request is refused.
import { AUTHORIZATION_CAUSES } from './authorization-causes.ts'
import type { CauseWords } from './cause-words.ts'
import { CLIENT_CAUSES } from './client-causes.ts'
import { TOKEN_CAUSES } from './token-causes.ts'

/** The causes, each with what it means and what the developer of the app is to change. */
export const CAUSES = {
  ...CLIENT_CAUSES,
  ...TOKEN_CAUSES,
  ...AUTHORIZATION_CAUSES,
  client_just_changed: {
    summary: 'The registration of the app was being changed at that moment.',
    change: 'Ask again.',
  },
  server_failed: {
    summary: 'The server failed; the app did nothing wrong.',
    change: 'Ask again. The log of the server has a line with this request id.',
  },
  other: {
    summary: 'The request was refused.',
    change: 'What the app was told says more.',
  },
} as const satisfies { readonly [cause: string]: CauseWords }

/** One of them. */
export type Cause = keyof typeof CAUSES

/** Whether a word is one of them. */
export function isCause(word: string): word is Cause {
  return Object.hasOwn(CAUSES, word)
}

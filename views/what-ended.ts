// What has just ended for a person, in the words of the pages that people see.

/** What ended, as far as a page tells of it. */
export interface WhatEnded {
  readonly sessions: number
  readonly grants: number
}

/** The sentence; undefined when nothing ended. `but`: one device of theirs stays signed in, and is not among those. */
export function explainEnded({ sessions, grants }: WhatEnded, but?: 'this device'): string | undefined {
  const noun = but === undefined ? 'device' : 'other device'
  if (sessions > 0) return `You have been signed out of ${sessions} ${noun}${sessions === 1 ? '' : 's'}.`
  // Grants that had outlived their session: nobody was signed in by them, and something could still be done.
  return grants > 0 ? 'Apps that went on while you were signed out have to ask you to sign in again.' : undefined
}

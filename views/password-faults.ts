// Why a password was refused, in the words of every page that takes one.

/** What can be wrong with a password that is to be set. */
export type PasswordFault = 'differs' | 'too_short' | 'too_long' | 'common' | 'contains_name' | 'used_before'

/** What the words need. */
export interface PasswordRules {
  readonly minLength: number
  readonly maxLength: number
  /** How many of the last passwords cannot be taken again; 0 where there are none yet. */
  readonly history?: number
}

/** The sentence. `called`: what the page calls the password, where there is another one on it. */
export function explainPasswordFault(
  fault: PasswordFault,
  { minLength, maxLength, history = 0 }: PasswordRules,
  called: 'password' | 'new password' = 'password',
): string {
  switch (fault) {
    case 'differs':
      return `The two ${called}s are not the same. Please type them again.`
    case 'too_short':
      return `The ${called} is too short: it needs at least ${minLength} characters.`
    case 'too_long':
      return `The ${called} is too long: it can have ${maxLength} characters at most.`
    case 'common':
      return `The ${called} is one of those that are guessed first. Please choose another.`
    case 'contains_name':
      return `The ${called} is mostly made of your name, your e-mail address or the name of this service. Please choose another.`
    case 'used_before':
      return `You have used this password before. None of the last ${history} can be taken again.`
  }
}

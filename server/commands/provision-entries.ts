// The accounts of a provision file: what their members may be.
import { z } from 'zod'
import { ROLES } from '../../config/roles.ts'
import { isEmailAddress } from '../accounts/email-key.ts'
import { profileClaims } from '../accounts/profile-claims.ts'

const text = z.string('it must be text')
const flag = z.boolean('it must be true or false')

/** An entry of `accounts`. What is left out is left as it is. */
export function accountEntry(isUsableHash: (hash: string) => boolean) {
  return z.strictObject({
    email: text.refine(isEmailAddress, 'it must be an e-mail address'),
    email_verified: flag.optional(),
    name: text.max(200, 'it must have 200 characters at most').optional(),
    profile: profileClaims.optional(),
    password: text
      .min(1, 'it must not be empty')
      .refine((password) => Buffer.byteLength(password) <= 1024, 'it must be of 1 KiB at most')
      .optional(),
    password_hash: text
      .refine(isUsableHash, 'it must be a hash by argon2id, bcrypt, scrypt or pbkdf2 with parameters within bounds')
      .optional(),
    roles: listOf(z.enum(ROLES, `it must be one of ${ROLES.join(', ')}`)).optional(),
  })
}

/** An account of a provision file. */
export type AccountEntry = z.output<ReturnType<typeof accountEntry>>

function listOf<Item extends z.ZodType>(item: Item) {
  return z
    .array(item, 'it must be a list')
    .refine((list) => new Set(list).size === list.length, 'it must not have an entry twice')
}

// The resource servers and accounts of a provision file: what their members may be.
import { z } from 'zod'
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { ROLES } from '../../config/roles.ts'
import { isEmailAddress } from '../accounts/email-key.ts'
import { profileClaims } from '../accounts/profile-claims.ts'
import { identifierFault, resourceScopeFault, scopeListFault } from '../resource-servers/resource-server-rules.ts'

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

/** An entry of `resource_servers`. */
export function resourceServerEntry(issuer: string) {
  return z.strictObject({
    identifier: checked((identifier) => identifierFault(identifier, issuer)),
    name: text.max(200, 'it must have 200 characters at most').optional(),
    scopes: listOf(checked(resourceScopeFault)).superRefine((scopes, context) => {
      const message = scopeListFault(scopes)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    }),
    access_token_format: z.enum(['jwt', 'opaque'], 'it must be jwt or opaque').default('jwt'),
    access_token_ttl: z
      .int('it must be a number of seconds')
      .min(1, 'it must be 1 or more')
      .max(LONGEST_ACCESS_TOKEN, `it must be ${LONGEST_ACCESS_TOKEN} at most`)
      .optional(),
    default: flag.default(false),
    clients: listOf(text).default([]),
  })
}

/** A resource server of a provision file. */
export type ResourceServerEntry = z.output<ReturnType<typeof resourceServerEntry>>

function listOf<Item extends z.ZodType>(item: Item) {
  return z
    .array(item, 'it must be a list')
    .refine((list) => new Set(list).size === list.length, 'it must not have an entry twice')
}

function checked(fault: (value: string) => string | undefined) {
  return text.superRefine((value, context) => {
    const message = fault(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
}

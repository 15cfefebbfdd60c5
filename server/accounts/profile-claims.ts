// The standard claims that an account's profile may hold (OpenID Connect Core §5.1), and what their values may be.
import { z } from 'zod'
import { isStorable, NOT_STORABLE } from '../../config/plain-text.ts'
import { OPENID_SCOPES } from '../../config/scopes.ts'

/** Standard claims that have members of their own here, or that the server gives itself. */
const NOT_IN_PROFILE = ['name', 'updated_at']

const PROFILE_CLAIMS = ['profile', 'phone']
  .flatMap((scope) => OPENID_SCOPES[scope] ?? [])
  .filter((claim) => !NOT_IN_PROFILE.includes(claim))

const word = z
  .string('it must be text')
  .min(1, 'it must not be empty')
  .max(500, 'it must have 500 characters at most')
  .refine(isStorable, NOT_STORABLE)

/** All claims are text, but for two. */
export const profileClaims = z.strictObject({
  ...Object.fromEntries(PROFILE_CLAIMS.map((claim) => [claim, word.optional()])),
  phone_number_verified: z.boolean('it must be true or false').optional(),
  address: z
    .strictObject({
      formatted: word.optional(),
      street_address: word.optional(),
      locality: word.optional(),
      region: word.optional(),
      postal_code: word.optional(),
      country: word.optional(),
    })
    .optional(),
})

/** A profile. */
export type ProfileClaims = z.output<typeof profileClaims>

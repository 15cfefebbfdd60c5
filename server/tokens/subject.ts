// The account that tokens speak of, as it is read together with what the tokens stand on: a claim that changed, or a role
// that was taken away, counts at once, and costs no look-up of its own.
import { Prisma } from '../../prisma/client/client.ts'

/** An account as tokens and claims need it. */
export interface TokenSubject {
  readonly id: string
  readonly email: string
  readonly emailVerified: boolean
  readonly name: string | null
  /** Further standard claims by their names. */
  readonly profile: Prisma.JsonObject
  readonly roles: readonly string[]
}

/** The column that reads it, of the table `accounts` under the name `a`. */
export const SUBJECT = Prisma.sql`jsonb_build_object('id', a.id, 'email', a.email, 'emailVerified', a.email_verified,
  'name', a.name, 'profile', a.profile, 'roles', a.roles)`

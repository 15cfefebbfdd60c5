// What a change of an account has changed, for the audit log and whoever is told of it. What stands there stays when the account is erased:
// so it says that something is another now, and nothing by which a stranger would know the person.
import { type Difference, differences, maskedName } from '../audit/differences.ts'

/** Of an account what is told; what is left out of the later one is as it was. */
interface Told {
  readonly name?: string | null
  readonly emailVerified?: boolean
  /** An object, as it is read from the database. */
  readonly profile?: unknown
  readonly roles?: readonly string[]
}

/** The members that are others now, by the names that the admin API has for them. */
export function accountDifferences(before: Told, after: Told): { readonly [member: string]: Difference } {
  return {
    ...(after.name === undefined ? {} : differences(['name'], { name: masked(before.name) }, { name: masked(after.name) })),
    ...(after.emailVerified === undefined
      ? {}
      : differences(['email_verified'], { email_verified: before.emailVerified }, { email_verified: after.emailVerified })),
    ...(after.profile === undefined ? {} : profileDifferences(claimsOf(before.profile), claimsOf(after.profile))),
    ...(after.roles === undefined ? {} : differences(['roles'], { roles: before.roles }, { roles: after.roles })),
  }
}

function masked(name: string | null | undefined): string | undefined {
  return name === null || name === undefined || name === '' ? undefined : maskedName(name)
}

type Claims = { readonly [claim: string]: unknown }

function claimsOf(profile: unknown): Claims {
  return typeof profile === 'object' && profile !== null ? Object.fromEntries(Object.entries(profile)) : {}
}

/** Each claim by itself: that it is there, and not what it says. */
function profileDifferences(before: Claims, after: Claims) {
  const claims = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (claim) => JSON.stringify(before[claim]) !== JSON.stringify(after[claim]),
  )
  const redacted = (profile: object) =>
    Object.fromEntries(Object.keys(profile).map((claim) => [`profile.${claim}`, '[redacted]']))
  return differences(
    claims.map((claim) => `profile.${claim}`),
    redacted(before),
    redacted(after),
  )
}

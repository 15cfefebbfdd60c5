// What an account states of the person, between its form and the profile that the nouns know.
import { fieldName, PHONE_VERIFIED, PROFILE_FIELDS, type ProfileEntered } from '../../views/admin-console/account-profile.ts'
import { type ProfileClaims, profileClaims } from '../accounts/profile-claims.ts'

const FIELDS = [...PROFILE_FIELDS.map(([field]) => field), PHONE_VERIFIED]

/** The names of the fields in the form. */
export const PROFILE_FIELD_NAMES = FIELDS.map(fieldName)

/** What was filled in. @param get a field of the form; empty when it is not there */
export function profileEntered(get: (name: string) => string): ProfileEntered {
  return Object.fromEntries(FIELDS.map((field) => [field, get(fieldName(field)).trim()]))
}

/** A profile as the form shows it. */
export function profileShown(profile: { readonly [claim: string]: unknown }): ProfileEntered {
  const { address, ...claims } = profile
  const parts = typeof address === 'object' && address !== null ? address : {}
  const ofAddress = Object.entries(parts).map(([part, value]) => [`address.${part}`, value] as const)
  const shown = [...Object.entries(claims), ...ofAddress].map(([field, value]) => [field, value === true ? 'on' : value] as const)
  return Object.fromEntries(shown.flatMap(([field, value]) => (typeof value === 'string' ? [[field, value]] : [])))
}

/** The profile that was filled in; or what is wrong with it, in words. */
export function profileOf(entered: ProfileEntered): { readonly profile: ProfileClaims } | { readonly fault: string } {
  const given = Object.entries(entered).filter(([field, value]) => value !== '' && field !== PHONE_VERIFIED)
  const address = Object.fromEntries(
    given.flatMap(([field, value]) => (field.startsWith('address.') ? [[field.slice('address.'.length), value]] : [])),
  )
  const hasPhone = given.some(([field]) => field === 'phone_number')
  const parsed = profileClaims.safeParse({
    ...Object.fromEntries(given.filter(([field]) => !field.startsWith('address.'))),
    ...(Object.keys(address).length === 0 ? {} : { address }),
    ...(hasPhone && entered[PHONE_VERIFIED] === 'on' ? { [PHONE_VERIFIED]: true } : {}),
  })
  if (parsed.success) return { profile: parsed.data }
  const [issue] = parsed.error.issues
  const field = issue?.path.join('.') ?? ''
  const label = PROFILE_FIELDS.find(([name]) => name === field)?.[1] ?? field
  return { fault: `${label}: ${issue?.message ?? 'it cannot be read'}.` }
}

// What an account states of the person besides name and address (OpenID Connect Core §5.1), as fields of a form.
import { type Html, html } from '../html.ts'

/** What is filled in, by the names of the claims; parts of the address have `address.` before theirs. */
export interface ProfileEntered {
  readonly [field: string]: string
}

/** The fields, with what people call them. */
export const PROFILE_FIELDS: readonly (readonly [field: string, label: string])[] = [
  ['given_name', 'Given name'],
  ['middle_name', 'Middle name'],
  ['family_name', 'Family name'],
  ['nickname', 'Nickname'],
  ['preferred_username', 'User name elsewhere'],
  ['phone_number', 'Phone number'],
  ['gender', 'Gender'],
  ['birthdate', 'Date of birth'],
  ['locale', 'Language'],
  ['zoneinfo', 'Time zone'],
  ['picture', 'Address of a picture'],
  ['profile', 'Address of a profile page'],
  ['website', 'Website'],
  ['address.formatted', 'Postal address, whole'],
  ['address.street_address', 'Street'],
  ['address.locality', 'Town'],
  ['address.region', 'Region'],
  ['address.postal_code', 'Postal code'],
  ['address.country', 'Country'],
]

/** That the phone number is the person's; a tick. */
export const PHONE_VERIFIED = 'phone_number_verified'

/** What people call a claim; its name, where there is no other word for it. */
export function profileLabel(claim: string): string {
  const more: { readonly [claim: string]: string } = { [PHONE_VERIFIED]: 'Answers this number', address: 'Postal address' }
  return PROFILE_FIELDS.find(([field]) => field === claim)?.[1] ?? more[claim] ?? claim
}

/** The name of a field of the profile in the form. */
export function fieldName(field: string): string {
  return `profile_${field}`
}

/** The fields, folded away where nothing is in them. */
export function profileFields(entered: ProfileEntered): Html {
  const filled = Object.values(entered).some((value) => value !== '')
  return html`<details class="filters"${filled && html` open`}><summary>More about the person</summary>
<div class="inside">
<p class="hint">Apps learn of it what their scopes allow: <code>profile</code>, <code>phone</code>, <code>address</code>. What is empty is not stated.</p>
<div class="filter-fields">
${PROFILE_FIELDS.map(
  ([field, label]) => html`<div class="field"><label for="${fieldName(field)}">${label}</label>
<input id="${fieldName(field)}" name="${fieldName(field)}" type="text" maxlength="500" value="${entered[field] ?? ''}" autocomplete="off"></div>
`,
)}</div>
<label class="choice"><input type="checkbox" name="${fieldName(PHONE_VERIFIED)}" value="on"${entered[PHONE_VERIFIED] === 'on' && html` checked`}><span>The person answers this phone number</span></label>
</div>
</details>`
}

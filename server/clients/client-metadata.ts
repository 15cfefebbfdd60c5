// Client metadata by the names of RFC 7591: what each member may be, what they must be together, and their defaults.
// Whatever door a client comes through, it is judged here.
import { nearestName } from '../../config/faults.ts'
import { DEFAULT_CLIENT_SCOPE } from '../../config/scopes.ts'
import { type ClientMetadata, clientMetadata, clientMetadataMembers, type PartialMetadata } from './client-metadata-members.ts'
import { type MetadataIssue, togetherIssues } from './client-metadata-rules.ts'

/** Reads a registration, fills in the defaults, and finds everything that is wrong with it. */
export function readClientMetadata(
  registration: Readonly<Record<string, unknown>>,
): { readonly metadata: ClientMetadata } | { readonly issues: readonly MetadataIssue[] } {
  const issues: MetadataIssue[] = []
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(registration)) {
    if (IGNORED.includes(name) || isRefusal(name, value)) continue
    const schema = Object.hasOwn(clientMetadataMembers, name)
      ? clientMetadataMembers[name as keyof typeof clientMetadataMembers]
      : undefined
    // Whatever it says: a name that was mistyped must not pass for one that was heeded.
    if (schema === undefined) {
      issues.push(unknownMember(name))
      continue
    }
    // RFC 7592 §2.2: null is the same as leaving the member out.
    if (value === null) continue
    const result = schema.safeParse(value)
    // A member that is wrong is known to be there, and its default must not stand for it.
    values[name] = result.success ? result.data : undefined
    if (!result.success)
      issues.push(...result.error.issues.map((issue) => ({ path: [name, ...issue.path.map(step)], message: issue.message })))
  }
  if (!('client_id' in registration)) issues.push({ path: [], message: 'client_id is missing' })
  const known = withDefaults(values)
  issues.push(...togetherIssues(known, registration))
  return issues.length > 0 ? { issues } : { metadata: clientMetadata.parse(known) }
}

/**
 * What is stored of a client. It was right when it was written, perhaps by another version or for a client of the server's own:
 * it is completed by the defaults and not judged again, so that one row cannot keep all others from being read.
 */
export function storedClientMetadata(id: string, stored: unknown): ClientMetadata {
  const members = typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? stored : {}
  // The defaults give every member that a registration must have.
  return { ...withDefaults(members), client_id: id } as ClientMetadata
}

/** What a pasted registration answer (RFC 7591 §3.2.1) says of the server that gave it. */
const IGNORED = ['client_id_issued_at']

/** Members of specifications that are not supported. Saying that they are not wanted is fine. */
const UNSUPPORTED = [
  'require_signed_request_object',
  'backchannel_user_code_parameter',
  'authorization_details_types',
  'default_acr_values',
]

function isRefusal(name: string, value: unknown): boolean {
  return UNSUPPORTED.includes(name) && (value === null || value === false || (Array.isArray(value) && value.length === 0))
}

/** RFC 7591 §2 states these defaults, but for the scope, which is the least there is, and the session in logout tokens. */
function withDefaults(values: PartialMetadata): PartialMetadata {
  const grantTypes = values.grant_types ?? ['authorization_code']
  return {
    application_type: 'web',
    redirect_uris: [],
    post_logout_redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: grantTypes,
    response_types: grantTypes.includes('authorization_code') ? ['code'] : [],
    scope: DEFAULT_CLIENT_SCOPE,
    backchannel_logout_session_required: true,
    skip_consent: false,
    require_pkce: true,
    ...values,
  }
}

function unknownMember(name: string): MetadataIssue {
  if (UNSUPPORTED.includes(name)) return { path: [], key: name, message: `${name} is not supported` }
  const nearest = nearestName(name, Object.keys(clientMetadataMembers))
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
  return { path: [], key: name, message: `there is no ${JSON.stringify(name.slice(0, 80))}${hint}` }
}

function step(part: PropertyKey): string | number {
  return typeof part === 'symbol' ? String(part) : part
}

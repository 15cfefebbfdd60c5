// A registration as administrators give it: by the names of RFC 7591, completed by what its kind of app needs.
import { randomBytes } from '../storage/random.ts'
import { type ClientKind, KIND_DEFAULTS, kindOf } from './client-kinds.ts'
import { readClientMetadata } from './client-metadata.ts'
import { type ClientMetadata, clientMetadataMembers } from './client-metadata-members.ts'
import { certificateIssues, type MetadataIssue, type Registration } from './client-metadata-rules.ts'

/** What a registration is judged by. */
export interface RegistrationRules {
  /** What it says where it says nothing. */
  readonly kind?: ClientKind
  /** Of a client that is there: its client_id does not change. */
  readonly clientId?: string
  /** How clients' certificates come in; undefined where they do not. */
  readonly certificates: { readonly chainChecked: boolean } | undefined
}

/** Reads it: complete, or everything that is wrong with it. Without a `client_id` it gets one that nobody has. */
export function readRegistration(
  given: Registration,
  { kind, clientId, certificates }: RegistrationRules,
): { readonly metadata: ClientMetadata } | { readonly issues: readonly MetadataIssue[] } {
  const { client_secret, ...members } = given
  // Null counts as left out; what is no member at all is told of, whatever it says.
  const isLeftOut = (name: string) => members[name] === null && Object.hasOwn(clientMetadataMembers, name)
  const stated = Object.fromEntries(Object.entries(members).filter(([name]) => !isLeftOut(name)))
  const complete = {
    client_id: clientId ?? newClientId(),
    ...(kind === undefined ? {} : KIND_DEFAULTS[kind]),
    ...stated,
  }
  const read = readClientMetadata(complete)
  const issues = [
    ...secretIssues(client_secret),
    ...('issues' in read ? read.issues : [...certificateIssues(read.metadata, certificates), ...kindIssues(read.metadata, kind)]),
    ...idIssues(complete.client_id, clientId),
  ]
  return 'metadata' in read && issues.length === 0 ? read : { issues }
}

/** A client_id that nobody has. */
export function newClientId(): string {
  return `app_${randomBytes(12).toString('base64url')}`
}

/** A secret that somebody made up may be weak, and has been on its way in clear. */
function secretIssues(secret: unknown): MetadataIssue[] {
  if (secret === undefined || secret === null) return []
  return [{ path: ['client_secret'], message: 'the server makes the secret itself, and shows it once' }]
}

function idIssues(given: unknown, clientId: string | undefined): MetadataIssue[] {
  if (clientId === undefined || given === clientId) return []
  return [{ path: ['client_id'], message: `it is ${clientId}, and does not change` }]
}

function kindIssues(metadata: ClientMetadata, kind: ClientKind | undefined): MetadataIssue[] {
  const made = kindOf(metadata)
  if (kind === undefined || made === kind) return []
  return [{ path: ['kind'], message: `the other members make it a client of the kind ${made}` }]
}

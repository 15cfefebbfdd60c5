// An event in the words of the Elastic Common Schema 8.17: each field of the type that it has there, of the values that are allowed there.
import { isIP } from 'node:net'
import type { AuditEntry } from './audit-entry.ts'

/** The event. What the schema has no name for stands under `latchkey`. */
export function ecsOf(entry: AuditEntry): object {
  const { actor, accountId, address, userAgent, requestId, reason } = entry
  // People are users; an app that acts for itself, or the server, is none.
  const person = actor?.startsWith('acc_') === true ? actor : undefined
  const users = [...new Set([person, accountId].filter((id) => id !== undefined))]
  const ip = address !== undefined && isIP(address) > 0 ? address : undefined
  const user = {
    ...(person === undefined ? {} : { id: person }),
    ...(accountId === undefined ? {} : { target: { id: accountId } }),
  }
  return {
    '@timestamp': entry.at.toISOString(),
    ecs: { version: '8.17.0' },
    event: {
      id: String(entry.id),
      kind: 'event',
      ...categoryOf(entry.name),
      action: entry.name,
      outcome: entry.outcome === 'failed' ? 'failure' : 'success',
      provider: 'latchkey',
      dataset: 'latchkey.audit',
      ...(reason === undefined ? {} : { reason }),
    },
    service: { name: 'latchkey', type: 'latchkey' },
    ...(users.length === 0 ? {} : { user }),
    ...(address === undefined ? {} : { source: { address, ...(ip === undefined ? {} : { ip }) } }),
    ...(userAgent === undefined ? {} : { user_agent: { original: userAgent } }),
    ...(requestId === undefined ? {} : { http: { request: { id: requestId } } }),
    related: { user: users, ip: ip === undefined ? [] : [ip] },
    latchkey: {
      ...(actor === undefined ? {} : { actor }),
      ...(entry.clientId === undefined ? {} : { client_id: entry.clientId }),
      ...(entry.sessionId === undefined ? {} : { session_id: entry.sessionId }),
      ...(entry.grantId === undefined ? {} : { grant_id: entry.grantId }),
      // As text: members of one name are of other types in other events, and whoever indexes them would refuse every second one.
      detail: JSON.stringify(entry.detail),
    },
  }
}

const CATEGORIES: readonly (readonly [noun: RegExp, category: string])[] = [
  [/^(?:account|password|password_link|setup|setup_link)\./, 'iam'],
  [/^(?:session|every_session|everything)\./, 'session'],
  [/^(?:client|client_secret|resource_server|signing_key|webhook|webhook_secret|signal_stream)\./, 'configuration'],
  [/^(?:sign_in|client_authentication|consent|grant|authorization_code|refresh_token|access_tokens?)\./, 'authentication'],
]

const TYPES: readonly (readonly [verb: RegExp, type: string])[] = [
  [/\.(?:created|given)$/, 'creation'],
  [/\.(?:deleted|removed)$/, 'deletion'],
  [/[._](?:denied|failed|refused|reached)$/, 'denied'],
  [/\.(?:started|succeeded|signed_in)$/, 'start'],
  [/\.(?:revoked|expired|signed_out|signed_out_everywhere|ended|withdrawn)$/, 'end'],
  [/\.(?:updated|changed|renamed|rotated|suspended|reinstated|disabled|narrowed|\w+_changed)$/, 'change'],
]

/** Of each category the types that the schema expects of it, as far as there is anything of the kind here; `info` is one of all. */
const EXPECTED: { readonly [category: string]: readonly string[] } = {
  iam: ['change', 'creation', 'deletion'],
  session: ['start', 'end'],
  configuration: ['change', 'creation', 'deletion'],
  authentication: ['start', 'end'],
  api: ['change', 'creation', 'deletion', 'denied', 'start', 'end'],
}

function categoryOf(name: string): { readonly category: readonly string[]; readonly type: readonly string[] } {
  const category = CATEGORIES.find(([noun]) => noun.test(name))?.[1] ?? 'api'
  const type = TYPES.find(([verb]) => verb.test(name))?.[1] ?? 'info'
  return { category: [category], type: [EXPECTED[category]?.includes(type) === true ? type : 'info'] }
}

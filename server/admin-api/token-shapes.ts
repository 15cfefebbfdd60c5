// How what was found out about a token is shown. Never the token.
import { z } from 'zod'
import { type Signature, TOKEN_KINDS } from '../tokens/token-findings.ts'
import type { NameInspection, TokenInspection } from '../tokens/token-inspection.ts'
import type { TokenLinks } from '../tokens/token-links.ts'
import { revocationShape, showRevocation } from './session-tree.ts'
import { emailOrNull, moment } from './shapes.ts'

/** What names tokens, in the order in which it is shown. */
export const TOKEN_NAMES = ['jti', 'grant_id', 'sid', 'sub', 'client_id', 'kid'] as const

const state = z.enum(['live', 'ended', 'expired'])
const SIGNATURES = ['good', 'bad', 'unknown_key', 'compromised_key', 'unchecked'] as const satisfies readonly Signature[]

const links = {
  client: z.object({ id: z.string(), name: z.string(), status: z.string() }).nullable(),
  account: z.object({ id: z.string(), email: emailOrNull, status: z.string() }).nullable(),
  session: z.object({ id: z.string(), state, end_reason: z.string().nullable() }).nullable(),
  grant: z.object({ id: z.string(), state, end_reason: z.string().nullable() }).nullable(),
  revocations: z.array(revocationShape).meta({ description: 'Those in force that name it or what it stands on.' }),
}

/** What a token turned out to be. */
export const inspectionShape = z
  .object({
    active: z.boolean().nullable().meta({ description: 'Null: of a `jti` that is not revoked nobody can know.' }),
    reason: z.string().nullable().meta({ description: 'Why it is not active, in words.' }),
    kind: z.enum([...TOKEN_KINDS, ...TOKEN_NAMES]).meta({ description: 'What it is, or by what tokens were named.' }),
    format: z.enum(['jwt', 'opaque']).nullable(),
    signature: z.enum(SIGNATURES).nullable().meta({ description: 'Of a JWT. Only a good one makes true what it says.' }),
    header: z.record(z.string(), z.unknown()).nullable(),
    claims: z.record(z.string(), z.unknown()).nullable(),
    jti: z.string().nullable(),
    kid: z.string().nullable(),
    issued_at: moment.nullable(),
    expires_at: moment.nullable(),
    refresh: z
      .object({
        generation: z.int().meta({ description: 'Of this token.' }),
        newest_generation: z.int().meta({ description: 'Of its family.' }),
        rotated_at: moment.nullable(),
        replay_until: moment.nullable().meta({ description: 'Until then its client gets its successor once more.' }),
        session_bound: z.boolean(),
      })
      .nullable(),
    ...links,
  })
  .meta({ id: 'TokenInspection' })

/** Shows a token that was looked at. */
export function showInspection(found: TokenInspection): z.input<typeof inspectionShape> {
  const { refresh } = found
  return {
    active: found.active,
    reason: found.reason ?? null,
    kind: found.kind,
    format: found.format ?? null,
    signature: found.signature ?? null,
    header: found.header === undefined ? null : { ...found.header },
    claims: found.claims === undefined ? null : { ...found.claims },
    jti: found.jti ?? null,
    kid: found.kid ?? null,
    issued_at: found.issuedAt?.toISOString() ?? null,
    expires_at: found.expiresAt?.toISOString() ?? null,
    refresh:
      refresh === undefined
        ? null
        : {
            generation: refresh.generation,
            newest_generation: refresh.newestGeneration,
            rotated_at: refresh.rotatedAt?.toISOString() ?? null,
            replay_until: refresh.replayUntil?.toISOString() ?? null,
            session_bound: refresh.sessionBound,
          },
    ...showLinks(found.links),
    revocations: found.revocations.map(showRevocation),
  }
}

/** Shows what names tokens. */
export function showName(
  kind: (typeof TOKEN_NAMES)[number],
  value: string,
  found: NameInspection,
): z.input<typeof inspectionShape> {
  return {
    active: found.active ?? null,
    reason: found.reason ?? null,
    kind,
    format: null,
    signature: null,
    header: null,
    claims: null,
    jti: kind === 'jti' ? value : null,
    kid: kind === 'kid' ? value : null,
    issued_at: null,
    expires_at: null,
    refresh: null,
    ...showLinks(found.links),
    revocations: found.revocations.map(showRevocation),
  }
}

function showLinks({ client, account, session, grant }: TokenLinks) {
  return {
    client: client ?? null,
    account: account === undefined ? null : { ...account, email: account.email ?? null },
    session: session === undefined ? null : { id: session.id, state: session.state, end_reason: session.endReason ?? null },
    grant: grant === undefined ? null : { id: grant.id, state: grant.state, end_reason: grant.endReason ?? null },
  }
}

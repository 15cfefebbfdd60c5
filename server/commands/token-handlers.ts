// The verbs about tokens: what one is, and its end. The token itself comes by standard input or a file, never as an argument, where
// every process of the machine could read it; it is neither shown nor written down.

import { z } from 'zod'
import { showPreview } from '../admin-api/bulk.ts'
import { showInspection, showName, TOKEN_NAMES } from '../admin-api/token-shapes.ts'
import { isClientSecret } from '../clients/client-secrets-store.ts'
import { createGrantEvents } from '../grants/grant-events.ts'
import { createGrantPreview } from '../grants/grant-preview.ts'
import { createTokenRevocation, TokenRevocationRefused, TokenUnknown } from '../grants/token-revocation.ts'
import { readKeyStatus, readSigningKeys } from '../keys/signing-keys.ts'
import { UnsealError } from '../storage/sealing.ts'
import { createAccessTokens } from '../tokens/access-tokens.ts'
import { createOnce } from '../tokens/once.ts'
import { checkTokenName, createRevocationByName, IS_TOKEN, TokenNameRefused } from '../tokens/revocation-by-name.ts'
import { createTokenInspections, type TokenInspections } from '../tokens/token-inspection.ts'
import type { TokenLinks } from '../tokens/token-links.ts'
import { createTokenStatus } from '../tokens/token-status.ts'
import { by, minute, readArgs } from './asked.ts'
import { previewText } from './bulk-ends.ts'
import type { CommandDeps } from './command-deps.ts'
import { CommandFailed, type CommandHandlers, type CommandOutput } from './control-socket.ts'
import { endedText } from './ends.ts'

type Deps = Pick<CommandDeps, 'db' | 'sealer' | 'endings' | 'config'>

/** Makes them. */
export function createTokenVerbs(deps: Deps): CommandHandlers {
  return {
    'tokens inspect': (args) => inspect(deps, readArgs(whichArgs, args)),
    'tokens revoke': (args) => explained(() => revoke(deps, readArgs(revokeArgs, args))),
  }
}

const NAMES = TOKEN_NAMES.join(', ')

const nameAsked = z
  .string()
  .regex(new RegExp(`^(?:${TOKEN_NAMES.join('|')})=[\\x21-\\x7E]{1,300}$`), `it takes KIND=VALUE with one of ${NAMES}`)
  .transform((text) => {
    const at = text.indexOf('=')
    const kind = TOKEN_NAMES.find((name) => name === text.slice(0, at)) ?? 'jti'
    return { kind, value: text.slice(at + 1) }
  })

const whichArgs = z.object({
  token: z
    .string()
    .transform((text) => text.trim().replace(/^Bearer\s+/i, ''))
    .pipe(z.string().min(1, 'there is none on standard input').max(50_000, 'it must have 50000 characters at most'))
    .optional(),
  name: nameAsked.optional(),
})

const revokeArgs = whichArgs.extend({
  family: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  reason: z.string().optional(),
})

async function inspectionsOf({ db, sealer, config }: Deps): Promise<TokenInspections> {
  const keys = await readSigningKeys({ db, sealer }).catch((error: unknown) => {
    if (!(error instanceof UnsealError)) throw error
    throw new CommandFailed('ENCRYPTION_KEY is not the one that the servers have: it does not open the keys that are there')
  })
  return createTokenInspections({
    db,
    issuer: config.issuer,
    keys: () => keys,
    keyStatus: (kid) => readKeyStatus(db, kid),
    tokenStatus: createTokenStatus({ db }),
    accessTokens: createAccessTokens({ db }),
    once: createOnce({ db }),
    // Codes that are on their way are in Redis, which is the servers' own.
    findCode: async () => undefined,
    isSecret: (text) => isClientSecret(db, text),
    replayWindowSeconds: config.refreshReplayWindow,
  })
}

async function inspect(deps: Deps, { token, name }: z.output<typeof whichArgs>): Promise<CommandOutput> {
  const inspections = await inspectionsOf(deps)
  if (name !== undefined) {
    const found = await inspections.name(name)
    const active = found.active === undefined ? 'nobody can know whether it lives' : found.active ? 'it lives' : 'it is dead'
    const lines = [`${name.kind} ${name.value}: ${found.reason ?? active}`, ...linkLines(found.links)]
    return { text: lines.join('\n'), data: showName(name.kind, name.value, found) }
  }
  const found = await inspections.token(token ?? '')
  const { kind, active, reason, signature, expiresAt } = found
  const lines = [
    `${kind.replaceAll('_', ' ')}: ${active ? 'active' : `not active, ${reason ?? 'it is dead'}`}`,
    ...(signature === undefined ? [] : [`  signature: ${signature.replaceAll('_', ' ')}`]),
    ...(expiresAt === undefined ? [] : [`  expires: ${minute(expiresAt)}`]),
    ...linkLines(found.links),
    ...(found.claims === undefined ? [] : [JSON.stringify(found.claims, null, 2)]),
  ]
  return { text: lines.join('\n'), data: showInspection(found) }
}

function linkLines({ account, client, session, grant }: TokenLinks): string[] {
  return [
    ...(account === undefined
      ? []
      : [`  account: ${account.email === undefined ? '' : `${account.email} `}(${account.id}, ${account.status})`]),
    ...(client === undefined ? [] : [`  client: ${client.name} (${client.id}, ${client.status})`]),
    ...(session === undefined ? [] : [`  session: ${session.id} (${session.state})`]),
    ...(grant === undefined ? [] : [`  grant: ${grant.id} (${grant.state})`]),
  ]
}

async function revoke(deps: Deps, asked: z.output<typeof revokeArgs>): Promise<CommandOutput> {
  const { token = '', name, family, dryRun, reason } = asked
  if (name !== undefined) return revokeNamed(deps, { name, family, dryRun, reason })
  const revocation = createTokenRevocation({
    db: deps.db,
    endings: deps.endings,
    inspect: (await inspectionsOf(deps)).token,
    grants: createGrantEvents(deps),
    preview: previewOf(deps),
  })
  if (!dryRun) {
    const data = await revocation.revoke({ token, family }, by(reason))
    return { text: endedText(data), data }
  }
  const found = await revocation.preview({ token, family })
  if (found.what === 'grant') return { text: previewText(found.preview), data: showPreview(found.preview) }
  const text = `Would end ${found.live ? 'this access token' : 'nothing: it is dead already'}.\nNothing was written.`
  return { text, data: { dry_run: true, access_tokens: found.live ? 'one' : 'none' } }
}

async function revokeNamed(
  deps: Deps,
  {
    name,
    family,
    dryRun,
    reason,
  }: Pick<z.output<typeof revokeArgs>, 'family' | 'dryRun' | 'reason'> & {
    readonly name: z.output<typeof nameAsked>
  },
): Promise<CommandOutput> {
  if (family && name.kind !== 'grant_id') throw new CommandFailed('--family goes with a token, or with --name grant_id=…')
  // Of an access token nothing is kept that a `jti` could be looked up in.
  const inspections = await inspectionsOf(deps)
  if (name.kind === 'jti' ? await inspections.isToken(name.value) : !(await inspections.name(name)).known)
    throw new CommandFailed(name.kind === 'jti' ? IS_TOKEN : `there is no ${name.kind} ${name.value}`)
  if (dryRun && !family) {
    checkTokenName(name)
    const what =
      name.kind === 'jti' ? 'that one access token' : `all access tokens with that ${name.kind} that were issued until now`
    return { text: `Would end ${what}.\nNothing was written.`, data: { dry_run: true } }
  }
  if (dryRun) {
    const preview = await previewOf(deps)({ ids: [name.value] }, { most: 1 })
    return { text: previewText(preview), data: showPreview(preview) }
  }
  const data = family
    ? await createGrantEvents(deps).revokeMany([name.value], by(reason))
    : await createRevocationByName(deps)(name, by(reason))
  return { text: family ? endedText(data) : 'Access tokens with that name that were issued until now are dead.', data }
}

function previewOf({ db, config }: Deps) {
  return createGrantPreview({ db, refreshIdleSeconds: config.lifetimes.refreshIdle })
}

async function explained(work: () => Promise<CommandOutput>): Promise<CommandOutput> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TokenUnknown) throw new CommandFailed(`there is no such token of this server: ${error.message}`)
    if (error instanceof TokenRevocationRefused || error instanceof TokenNameRefused) throw new CommandFailed(error.message)
    throw error
  }
}

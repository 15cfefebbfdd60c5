// The verbs about signing keys.
import { z } from 'zod'
import { keyInUse } from '../keys/key-compromise.ts'
import type { KeyItem, KeyTurns } from '../keys/key-turns.ts'
import { KeyRefused, SIGNING_ALGORITHMS } from '../keys/signing-keys.ts'
import { UnsealError } from '../storage/sealing.ts'
import { by } from './asked.ts'
import type { CommandDeps } from './command-deps.ts'
import { CommandFailed, type CommandHandlers, type CommandOutput } from './control-socket.ts'

/** As many are shown. */
const MOST_SHOWN = 200

/** Makes them. */
export function createKeyVerbs(deps: Pick<CommandDeps, 'keyTurns' | 'compromiseKey'>): CommandHandlers {
  const { keyTurns: turns } = deps
  return {
    'keys list': async () => shown(await turns.page({ limit: MOST_SHOWN })),
    'keys rotate': (args) => rotate(turns, args),
    'keys retire': (args) => {
      const { kid, reason } = retireArgs.parse(args)
      return told(async () => shown(await turns.retire(kid, by(reason))))
    },
    'keys compromise': (args) => told(() => compromise(deps, compromiseArgs.parse(args))),
  }
}

const rotateArgs = z.object({ alg: z.string().optional(), now: z.boolean().default(false), reason: z.string().optional() })
const retireArgs = z.object({ kid: z.string(), reason: z.string().optional() })
const compromiseArgs = retireArgs.extend({ dryRun: z.boolean().default(false) })

async function rotate(turns: KeyTurns, args: Readonly<Record<string, unknown>>): Promise<CommandOutput> {
  const { alg: asked, now, reason } = rotateArgs.parse(args)
  const alg = SIGNING_ALGORITHMS.find((one) => one === asked)
  if (asked !== undefined && alg === undefined)
    throw new CommandFailed(`there is no algorithm ${asked.slice(0, 50)}: take one of ${SIGNING_ALGORITHMS.join(', ')}`)
  return told(async () => shown(await turns.rotate({ now, ...(alg === undefined ? {} : { alg }) }, by(reason))))
}

/** Somebody else may have it. */
async function compromise(
  { keyTurns, compromiseKey }: Pick<CommandDeps, 'keyTurns' | 'compromiseKey'>,
  { kid, dryRun, reason }: z.output<typeof compromiseArgs>,
): Promise<CommandOutput> {
  const key = keyInUse(kid, await keyTurns.find(kid))
  if (dryRun) {
    const text = `Would end: every token that ${kid} signed.\nNothing was written.`
    return { text, data: { dry_run: true, key: dataOf(key) } }
  }
  const ended = await compromiseKey(kid, by(reason))
  const signing = (await keyTurns.page({ limit: MOST_SHOWN })).filter(
    ({ alg, status }) => alg === key.alg && status === 'signing',
  )
  const now = shown(signing)
  const said = `Ended: every token that ${kid} signed. APIs are told by the revocation ${ended.sequence}.`
  return { text: `${said}\nWhat signs now:\n${now.text}`, data: { ...ended, keys: now.data } }
}

async function told(work: () => Promise<CommandOutput>): Promise<CommandOutput> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof KeyRefused) throw new CommandFailed(error.message)
    if (error instanceof UnsealError)
      throw new CommandFailed('ENCRYPTION_KEY is not the one that the servers have: it does not open the keys that are there')
    throw error
  }
}

function shown(keys: readonly KeyItem[]): CommandOutput {
  const lines = keys.map((key) => `  ${key.status.padEnd(12)}${key.alg.padEnd(7)}${key.kid}${next(key)}`)
  return { text: lines.join('\n'), data: keys.map(dataOf) }
}

function next({ due }: KeyItem): string {
  if (due === undefined) return ''
  const words = { signs: 'signs from', rotate: 'to be rotated by', removed: 'published until' }
  return `  ${words[due.what]} ${due.at.toISOString()}`
}

function dataOf({ kid, alg, status, createdAt, signsFrom, signingSince, retiredAt, publishedUntil }: KeyItem) {
  return {
    kid,
    alg,
    status,
    created_at: createdAt.toISOString(),
    signs_from: signsFrom?.toISOString() ?? null,
    signing_since: signingSince?.toISOString() ?? null,
    retired_at: retiredAt?.toISOString() ?? null,
    published_until: publishedUntil?.toISOString() ?? null,
  }
}

// The verbs of the audit log that work on the database: pages of it, and the look through its chain.
import { z } from 'zod'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { AddressFilterFault } from '../../config/network.ts'
import { emailKey } from '../accounts/email-key.ts'
import { recordAudit } from '../audit/audit.ts'
import { auditJson, EXPORT_FORMATS, exportNote, exportPart } from '../audit/audit-export.ts'
import { createAuditFeed, placeText, readPlace } from '../audit/audit-feed.ts'
import { type AuditFilter, matches, namesEvents } from '../audit/audit-filter.ts'
import { filterOf } from '../audit/audit-question.ts'
import { createAuditSearch } from '../audit/audit-search.ts'
import { createAuditKeys, headText, readHead } from '../audit/chain.ts'
import { createAuditSealer } from '../audit/sealer.ts'
import { verifyAuditLog } from '../audit/verification.ts'
import type { Database } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import { momentOf } from './asked.ts'
import { CommandFailed, type CommandHandlers, type CommandOutput } from './control-socket.ts'

/** What they work with. */
export interface AuditCommandDeps {
  readonly config: Pick<Config, 'auditRetention'>
  readonly db: Database
  readonly sealer: Sealer
  readonly clock: Clock
  /** Told now and then how far a long look has come. */
  readonly progress?: (events: number) => void
}

/** The verbs; those of two pages are for the command line itself, which asks again and again. */
export function createAuditVerbs(deps: AuditCommandDeps): CommandHandlers {
  return {
    'audit latest': (args) => latest(deps, read(latestArgs, args)),
    'audit following': (args) => following(deps, read(followingArgs, args)),
    'audit export': (args) => page(deps, read(exportArgs, args)),
    'audit verify': (args) => verify(deps, read(verifyArgs, args)),
  }
}

const filterArgs = z.object({
  name: z.string().optional(),
  outcome: z.enum(['succeeded', 'failed'], 'it takes succeeded or failed').optional(),
  actor: z.string().optional(),
  account: z.string().optional(),
  client: z.string().optional(),
  session: z.string().optional(),
  grant: z.string().optional(),
  ip: z.string().optional(),
  request: z.string().optional(),
  reason: z.string().optional(),
  since: z.string().optional(),
  before: z.string().optional(),
})

const latestArgs = z.object({ filter: filterArgs, limit: z.int() })
const followingArgs = z.object({ filter: filterArgs, after: z.string() })
const exportArgs = z.object({
  filter: filterArgs,
  format: z.enum(EXPORT_FORMATS, `it takes one of ${EXPORT_FORMATS.join(', ')}`),
  after: z.string(),
  upTo: z.string().optional(),
  reason: z.string().optional(),
})
const verifyArgs = z.object({ head: z.string().optional() })

function read<Shape extends z.ZodType>(shape: Shape, args: unknown): z.output<Shape> {
  const parsed = shape.safeParse(args)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new CommandFailed(`--${String(issue?.path.at(-1))}: ${issue?.message}`)
}

/** The latest events, the earliest of them first, and where to go on. */
async function latest(deps: AuditCommandDeps, { filter, limit }: z.output<typeof latestArgs>): Promise<CommandOutput> {
  const { db } = deps
  const feed = createAuditFeed({ db })
  const after = placeText(await feed.end())
  const found = await createAuditSearch({ db }).page({ filter: await askedFilter(deps, filter), limit })
  const events = found.toReversed().map(auditJson)
  return { text: events.map(eventLine).join('\n'), data: { events, after } }
}

/** What came after a place of the chain. */
async function following(deps: AuditCommandDeps, { filter, after }: z.output<typeof followingArgs>): Promise<CommandOutput> {
  const place = readPlace(after)
  if (place === undefined) throw new CommandFailed(`${after} is no place of the audit log`)
  const wanted = await askedFilter(deps, filter)
  const some = await createAuditFeed(deps).after(place, 300)
  const events = some.filter(({ entry }) => matches(wanted, entry)).map(({ entry }) => auditJson(entry))
  return { text: events.map(eventLine).join('\n'), data: { events, after: placeText(some.at(-1)?.place ?? place) } }
}

/** What fits into one answer of a running server. */
const EXPORTED_AT_ONCE = 250

/** A part of a file, and where the next one begins. */
async function page(deps: AuditCommandDeps, args: z.output<typeof exportArgs>): Promise<CommandOutput> {
  const { db } = deps
  const { format, after, upTo, reason } = args
  const search = createAuditSearch({ db })
  const filter = await askedFilter(deps, args.filter)
  const highest = upTo === undefined ? await search.highest() : BigInt(upTo)
  // That the log is taken home is an event of the log.
  if (upTo === undefined) {
    const detail = await exportNote(search, filter, format)
    await recordAudit(db, { name: 'audit_events.exported', actor: 'system', detail, ...(reason === undefined ? {} : { reason }) })
  }
  const { text, next } = await exportPart(search, { filter, format, after: BigInt(after), highest, most: EXPORTED_AT_ONCE })
  return { text: '', data: { text, next: next === undefined ? null : String(next), up_to: String(highest) } }
}

async function verify(deps: AuditCommandDeps, { head }: z.output<typeof verifyArgs>): Promise<CommandOutput> {
  const { db, sealer: secrets, progress, config } = deps
  const keys = createAuditKeys(secrets.deriveAll('audit log'))
  const known = head === undefined ? undefined : readHead(head)
  if (head !== undefined && known === undefined)
    throw new CommandFailed(`${head} is no head: one looks like 1042-9f2c…, with 64 digits at the end`)
  const found = await verifyAuditLog(
    {
      db,
      keys,
      sealer: createAuditSealer({ db, keys }),
      keptSeconds: config.auditRetention,
      ...(progress === undefined ? {} : { progress }),
    },
    known,
  )
  const { events, seals, faults, more, unsealed, removedThrough, remarks } = found
  const lines = [
    ...faults.map(({ text }) => `  ${text}`),
    ...(more ? ['  … and more'] : []),
    ...(unsealed > 0 ? [`${unsealed} events have no seal.`] : []),
    ...(removedThrough === undefined ? [] : [`What seal ${removedThrough} and those before it sealed was removed.`]),
    ...remarks,
    faults.length === 0
      ? `${events} events under ${seals} seals: nothing was changed.`
      : 'The audit log is not as it was written.',
    ...(found.head === undefined ? [] : [`The head, to be kept elsewhere: ${headText(found.head)}`]),
  ]
  return {
    text: lines.join('\n'),
    data: {
      ok: faults.length === 0,
      events,
      seals,
      unsealed,
      removed_through_seal: removedThrough === undefined ? null : Number(removedThrough),
      head: found.head === undefined ? null : headText(found.head),
      faults: faults.map(({ kind, event, seal, text }) => ({
        kind,
        event: event === undefined ? null : String(event),
        seal: seal === undefined ? null : Number(seal),
        text,
      })),
      more,
      remarks,
    },
  }
}

/** One line, for people: the texts in it were stripped of all that moves a cursor when they were written. */
function eventLine(event: ReturnType<typeof auditJson>): string {
  const { at, name, outcome, actor, account_id: account, client_id: client, session_id: session, address, reason } = event
  const about = { account: account === actor ? null : account, client: client === actor ? null : client, session, from: address }
  const parts = Object.entries(about).flatMap(([word, value]) => (value === null ? [] : [`${word} ${value}`]))
  const why = reason === null ? [] : [`(${reason})`]
  return [at, outcome === 'failed' ? '!' : ' ', name.padEnd(28), actor ?? '-', ...parts, ...why].join(' ')
}

async function askedFilter({ db, clock }: AuditCommandDeps, args: z.output<typeof filterArgs>): Promise<AuditFilter> {
  const { name, request: requestId, since, before, ...rest } = args
  const names = name?.split(',')
  const unknown = names?.find((one) => !namesEvents(one))
  if (unknown !== undefined) throw new CommandFailed(`there are no events named ${unknown} (docs/reference/webhooks.md)`)
  const question = {
    ...{ ...rest, names, requestId },
    since: since === undefined ? undefined : momentOf(since, clock),
    before: before === undefined ? undefined : momentOf(before, clock),
  }
  const filter = await filterOf(question, async (email) => {
    const account = await db.account.findUnique({ where: { emailKey: emailKey(email) }, select: { id: true } })
    return account?.id
  }).catch((error: unknown) => {
    throw error instanceof AddressFilterFault ? new CommandFailed(`--ip: ${error.message}`) : error
  })
  if (filter === undefined) throw new CommandFailed(`--account: nobody has the e-mail address ${args.account}`)
  return filter
}

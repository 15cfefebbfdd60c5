// APIs whose guards are asked about the access tokens of a run all the time: about those that somebody has begun to end, and now and
// then about the others. What they say is written down beside everything else, for the checker.
import { setTimeout as wait } from 'node:timers/promises'
import { createGuard, type Guard, type GuardOptions } from '../../guard/main.ts'
import { outcomeOf } from '../guard/trial.ts'
import { NOTES } from '../support/clients.ts'
import type { Answer, Call, Entry, Ledger } from './history.ts'

/** The APIs of a run. */
export interface GuardedApis {
  /** How long they may go on letting in what was ended, in milliseconds. */
  readonly knowWithin: number
  /** Asks until it is told to stop. */
  judge(ledger: Ledger, until: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** One of them. */
export interface GuardedApi {
  readonly name: string
  readonly guard: Guard
  /** Ends what was started for it. */
  readonly close?: () => void
}

const ROUND_MS = 150
/** Of tokens that nobody has ended, so many a round. */
const LIVING_A_ROUND = 5
/** Who was refused so often is asked about only at the end. */
const REFUSED_OFTEN = 3

/** Makes a guard for the notes API that says nothing. */
export async function startGuardedApi(
  name: string,
  options: Omit<GuardOptions, 'audience' | 'log'>,
  close: () => void = () => undefined,
): Promise<GuardedApi> {
  return { name, guard: await createGuard({ audience: NOTES, log: () => undefined, ...options }), close }
}

/** Puts them together. */
export function gatherApis(apis: readonly GuardedApi[], knowWithinSeconds: number): GuardedApis {
  return {
    knowWithin: knowWithinSeconds * 1000,
    async judge(ledger, until) {
      const tokens = followTokens(ledger)
      await Promise.all(apis.map((api) => judgeAll(api, { ledger, tokens, until })))
    },
    async close() {
      await Promise.all(apis.map(({ guard }) => guard.close()))
      for (const { close } of apis) close?.()
    },
  }
}

interface Judging {
  readonly ledger: Ledger
  readonly tokens: FollowedTokens
  readonly until: AbortSignal
}

async function judgeAll({ name, guard }: GuardedApi, { ledger, tokens, until }: Judging): Promise<void> {
  const refusals = new Map<string, number>()
  const judge = async (token: string) => {
    const start = ledger.now()
    const answer = answerOf(await outcomeOf(guard, token))
    ledger.write({ kind: 'call', who: name, at: 0, operation: 'verify', start, end: ledger.now(), sent: { token }, answer })
    if (answer.status === 401) refusals.set(token, (refusals.get(token) ?? 0) + 1)
  }
  let next = 0
  while (!until.aborted) {
    const { ending, living } = tokens.now()
    for (const token of ending) if ((refusals.get(token) ?? 0) < REFUSED_OFTEN) await judge(token)
    for (let count = 0; count < LIVING_A_ROUND && living.length > 0; count += 1) {
      await judge(living[next % living.length] ?? '')
      next += 1
    }
    await wait(ROUND_MS)
  }
  for (const token of tokens.now().ending) await judge(token)
}

function answerOf(outcome: string): Answer {
  if (outcome === 'good') return { status: 200 }
  return { status: outcome === 'FeedUnavailable' ? 503 : 401, error: outcome }
}

interface FollowedTokens {
  /** The access tokens that guards can read: those that somebody has begun to end, and the others. */
  now(): { readonly ending: ReadonlySet<string>; readonly living: readonly string[] }
}

/** Reads on in the ledger each time: who ends what is known from what is asked. */
function followTokens({ entries }: Ledger): FollowedTokens {
  const all: string[] = []
  const ending = new Set<string>()
  const placeOf = new Map<string, { readonly grant: string; readonly session: string }>()
  const byGrant = new Map<string, string[]>()
  const bySession = new Map<string, string[]>()
  let read = 0

  function take(entry: Entry): void {
    if (entry.kind !== 'call' || entry.operation === 'verify') return
    const { operation, sent, answer } = entry
    for (const token of endedBy(entry)) ending.add(token)
    if (answer?.status !== 200 || (operation !== 'redeem' && operation !== 'refresh')) return
    const parent = placeOf.get(sent.token ?? '')
    const grant = parent?.grant ?? answer.grant ?? ''
    const place = { grant, session: parent?.session ?? sent.session ?? '' }
    if (answer.refresh !== undefined) placeOf.set(answer.refresh, place)
    if (answer.access === undefined || !isJwt(answer.access)) return
    all.push(answer.access)
    add(byGrant, place.grant, answer.access)
    add(bySession, place.session, answer.access)
  }

  function endedBy({ operation, sent }: Call): readonly string[] {
    if (operation === 'sign-out') return bySession.get(sent.session ?? '') ?? []
    if (operation !== 'revoke' || sent.token === undefined) return []
    return isJwt(sent.token) ? [sent.token] : (byGrant.get(placeOf.get(sent.token)?.grant ?? '') ?? [])
  }

  return {
    now() {
      for (; read < entries.length; read += 1) {
        const entry = entries[read]
        if (entry !== undefined) take(entry)
      }
      return { ending, living: all.filter((token) => !ending.has(token)) }
    },
  }
}

function isJwt(token: string): boolean {
  return token.split('.').length === 3 && !token.startsWith('rt_')
}

function add(map: Map<string, string[]>, key: string, value: string): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [value])
  else known.push(value)
}

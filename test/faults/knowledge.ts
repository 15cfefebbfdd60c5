// What follows from a history: whose each token is, which request may have spent which token, and what has been ended, for
// sure or perhaps. Nothing is judged here.
import type { Absence, Answer, Call, Entry, Fault, Rules, Starvation } from './history.ts'

/** A token that was handed out, and what it hangs from. */
export interface Token {
  readonly value: string
  readonly kind: 'refresh' | 'access'
  readonly issuedAt: number
  readonly grant: string
  readonly session: string
  readonly account: string
  readonly app: string
}

/** Something that ends tokens. */
export interface End {
  readonly scope: 'token' | 'grant' | 'session' | 'account'
  readonly id: string
  /** From here on what it names may be dead. */
  readonly from: number
  /** From here on what it names must be dead; undefined when the answer does not say so. */
  readonly sure: number | undefined
  readonly call: Call
  /** Of an account: only sessions that were known before it began. */
  readonly sessions?: ReadonlySet<string>
}

/** Everything that is known. */
export interface Knowledge {
  readonly rules: Rules
  readonly calls: readonly Call[]
  readonly faults: readonly Fault[]
  readonly absences: readonly Absence[]
  readonly starvations: readonly Starvation[]
  readonly tokens: ReadonlyMap<string, Token>
  /** The refresh requests that presented a token. */
  usesOf(token: string): readonly Call[]
  /** The requests that brought a code. */
  redemptionsOf(code: string): readonly Call[]
  /** The refresh tokens that were handed out for a token. */
  successorsOf(token: string): readonly string[]
  /** Whether a token may have been replaced, and its time to be repeated be over, by the end of a request that presents it. */
  maybeSpent(call: Call): boolean
  /** Whether that was so for sure before the request began. */
  surelySpent(call: Call): boolean
  /** What may have ended a token. */
  endsOf(token: Token): readonly End[]
}

/** What clocks that are compared, and rounding, may differ by. */
const MARGIN_MS = 500

/** Reads a history. */
export function know(history: readonly Entry[]): Knowledge {
  const calls = history.filter((entry) => entry.kind === 'call').toSorted((a, b) => a.start - b.start)
  const rules = history.find((entry) => entry.kind === 'rules')
  if (rules === undefined) throw new Error('a history begins with its rules')
  const uses = grouped(calls, (call) => (call.operation === 'refresh' ? call.sent.token : undefined))
  const redemptions = grouped(calls, (call) => (call.operation === 'redeem' ? call.sent.code : undefined))
  const usesOf = (token: string) => uses.get(token) ?? []
  const successorsOf = (token: string) => [...new Set(usesOf(token).flatMap((call) => granted(call)?.refresh ?? []))]
  const tokens = tokensOf(calls)
  const windowOf = (token: string) => rules.replayWindows[tokens.get(token)?.app ?? ''] ?? 0
  const others = (call: Call) => usesOf(call.sent.token ?? '').filter((other) => other !== call)

  const maybeSpent = (call: Call) => {
    const token = call.sent.token ?? ''
    const rotators = others(call).filter((other) => mayHaveWorked(other) && other.start < call.end)
    if (rotators.length === 0) return false
    const tooLate = rotators.some((other) => call.end - other.start > windowOf(token) - MARGIN_MS)
    return tooLate || successorsOf(token).some((next) => usesOf(next).some((use) => mayHaveWorked(use) && use.start < call.end))
  }
  const surelySpent = (call: Call) => {
    const token = call.sent.token ?? ''
    const before = others(call).filter((other) => granted(other) !== undefined && other.end < call.start)
    if (before.length === 0) return false
    const tooLate = before.some((other) => call.start - other.end > windowOf(token) + MARGIN_MS)
    return tooLate || successorsOf(token).some((next) => usesOf(next).some((use) => granted(use) && use.end < call.start))
  }
  const known = { tokens, usesOf, redemptionsOf: (code: string) => redemptions.get(code) ?? [], maybeSpent, surelySpent }
  const faults = history.filter((entry) => entry.kind === 'fault')
  const ends = grouped([...endsIn(calls, known), ...lostCodes(calls, faults)], ({ scope, id }) => `${scope} ${id}`)
  return {
    rules,
    calls,
    faults,
    absences: history.filter((entry) => entry.kind === 'absent'),
    starvations: history.filter((entry) => entry.kind === 'starved'),
    ...known,
    successorsOf,
    endsOf(token) {
      const named = [`token ${token.value}`, `grant ${token.grant}`, `session ${token.session}`, `account ${token.account}`]
      return named.flatMap((name) => ends.get(name) ?? [])
    },
  }
}

/** The answer of a request that gave tokens. */
export function granted(call: Call): Answer | undefined {
  return call.answer?.status === 200 ? call.answer : undefined
}

/** Whether a request for tokens may have had an effect: only a refusal says that it had none. */
export function mayHaveWorked(call: Call): boolean {
  return call.answer === null || call.answer.status === 200 || call.answer.status >= 500
}

/** Whose tokens are: a redemption says so, and what is refreshed hangs from the same. */
function tokensOf(calls: readonly Call[]): Map<string, Token> {
  const tokens = new Map<string, Token>()
  for (const call of calls.toSorted((a, b) => a.end - b.end)) {
    const answer = granted(call)
    if (answer === undefined || (call.operation !== 'redeem' && call.operation !== 'refresh')) continue
    const { app = '', account = '', session = '', code = '', token = '' } = call.sent
    const parent = tokens.get(token)
    const base = parent ?? { app, account, session, grant: answer.grant ?? `grant of ${code}` }
    for (const kind of ['refresh', 'access'] as const) {
      const value = answer[kind]
      if (value === undefined || tokens.has(value)) continue
      const { grant } = base
      tokens.set(value, { value, kind, issuedAt: call.end, app: base.app, account: base.account, session: base.session, grant })
    }
  }
  return tokens
}

type Known = Pick<Knowledge, 'tokens' | 'usesOf' | 'redemptionsOf' | 'maybeSpent' | 'surelySpent'>

/** What ends what: the table of docs/explanation, as far as a run does it. */
function endsIn(calls: readonly Call[], known: Known): End[] {
  return calls.flatMap((call): End[] => {
    const token = known.tokens.get(call.sent.token ?? '')
    const { status = 0 } = call.answer ?? {}
    const end = { from: call.start, call }
    switch (call.operation) {
      case 'revoke':
        if (token === undefined || (status >= 400 && status < 500)) return []
        return [
          token.kind === 'refresh'
            ? { ...end, scope: 'grant', id: token.grant, sure: status === 200 ? call.end : undefined }
            : { ...end, scope: 'token', id: token.value, sure: status === 200 ? call.end : undefined },
        ]
      case 'sign-out':
        return [signOutEnd(call, known)]
      case 'refresh':
        // A token that comes back when it is spent ends the grant (RFC 9700 §4.14.2).
        if (token === undefined || granted(call) !== undefined || !known.maybeSpent(call)) return []
        return [
          { ...end, scope: 'grant', id: token.grant, sure: status === 400 && known.surelySpent(call) ? call.end : undefined },
        ]
      case 'redeem':
        // So does a code that comes twice (RFC 6749 §4.1.2), if Redis still knows it: the grant of its session and app, which
        // may have been there before, also when neither request got anything.
        return known.redemptionsOf(call.sent.code ?? '').length < 2 || granted(call) !== undefined
          ? []
          : [{ ...end, scope: 'session', id: call.sent.session ?? '', sure: undefined }]
      default:
        return []
    }
  })
}

/**
 * A code that Redis loses between being found and being taken looks as if it had been taken by somebody else, and so ends its
 * grant: which is that of its session, where the app had one already.
 */
function lostCodes(calls: readonly Call[], faults: readonly Fault[]): End[] {
  const losses = faults.filter(({ redisEmptied }) => redisEmptied === true)
  return calls
    .filter((call) => call.operation === 'redeem' && call.answer?.status === 400)
    .filter((call) => losses.some((loss) => loss.start < call.end && loss.end > call.start))
    .map((call) => ({ scope: 'session', id: call.sent.session ?? '', from: call.start, sure: undefined, call }))
}

function signOutEnd(call: Call, known: Known): End {
  const { session = '', account = '', everywhere = false } = call.sent
  const done = call.answer !== null && call.answer.status < 400
  const end = { from: call.start, sure: done ? call.end : undefined, call }
  if (!everywhere) return { ...end, scope: 'session', id: session }
  const before = [...known.tokens.values()].filter((token) => token.account === account && token.issuedAt < call.start)
  return { ...end, scope: 'account', id: account, sessions: new Set(before.map((token) => token.session)) }
}

function grouped<Item>(items: readonly Item[], key: (item: Item) => string | undefined): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const name = key(item)
    if (name === undefined) continue
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return groups
}

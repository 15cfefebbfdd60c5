// Holds a history against the invariants of docs/security/catalogue.md. A pure function: what cannot be known of a history,
// such as whether a request without an answer was carried out, is taken in the servers' favour.
import type { Call, Entry } from './history.ts'
import { type End, granted, type Knowledge, know, mayHaveWorked, type Token } from './knowledge.ts'

/** The number of an invariant of the catalogue. */
export type Invariant = 1 | 2 | 3 | 4 | 5 | 6 | 7

/** Something that must not be, and the requests that show it. */
export interface Violation {
  readonly invariant: Invariant
  readonly what: string
  readonly call: Call
  /** What it concerns, for its history. */
  readonly grant?: string
}

/** Every violation in a history, the earliest first. */
export function check(history: readonly Entry[]): Violation[] {
  const known = know(history)
  const rules = [usedOnce, oneSuccessor, spentIsRefused, livingIsServed, endedIsDead, inTime, stillLimited]
  return rules.flatMap((rule) => rule(known)).toSorted((a, b) => a.call.end - b.call.end)
}

/** I1: a code gives tokens once. */
function usedOnce(known: Knowledge): Violation[] {
  return known.calls.flatMap((call) => {
    if (call.operation !== 'redeem' || granted(call) === undefined) return []
    const others = known.redemptionsOf(call.sent.code ?? '').filter((other) => other.end < call.end && granted(other))
    return others.length === 0 ? [] : [violation(known, 1, 'a code gave tokens twice', call)]
  })
}

/** I2: whoever presents a token is given the one successor that it has. */
function oneSuccessor(known: Knowledge): Violation[] {
  return [...known.tokens.keys()].flatMap((token) => {
    const [first, ...more] = known.successorsOf(token)
    const call = known.usesOf(token).find((use) => more.includes(granted(use)?.refresh ?? ''))
    return first === undefined || call === undefined
      ? []
      : [violation(known, 2, 'one refresh token got two different successors', call)]
  })
}

/** I1: a token whose successor was used, or whose replay window is over, gives nothing. */
function spentIsRefused(known: Knowledge): Violation[] {
  return known.calls
    .filter((call) => call.operation === 'refresh' && granted(call) !== undefined && known.surelySpent(call))
    .map((call) => violation(known, 1, 'a spent refresh token was accepted', call))
}

/**
 * I3: what was handed out works, unless something may have ended it. I4: so does the same token again, when the answer was
 * lost. 503 is not a refusal: it says to come again.
 */
function livingIsServed(known: Knowledge): Violation[] {
  return known.calls.flatMap((call) => {
    const token = known.tokens.get(call.sent.token ?? '')
    if (token === undefined || !refuses(call, token)) return []
    if (token.issuedAt > call.start || known.endsOf(token).some((end) => end.call !== call && mayCover(end, token, call)))
      return []
    if (call.operation !== 'refresh') {
      // Where the clock is ahead, access tokens seem to have expired; that says no, and never yes.
      const excused = known.faults.some(
        ({ wrongClock, at, ...when }) => wrongClock && at.includes(call.at) && overlap(when, call) > 0,
      )
      return excused ? [] : [violation(known, 3, 'an access token that was handed out does not work', call)]
    }
    if (known.maybeSpent(call)) return []
    const lost = known.usesOf(token.value).some((use) => use !== call && use.start < call.start && mayHaveWorked(use))
    return [
      lost
        ? violation(known, 4, 'a refresh token was refused inside its replay window', call)
        : violation(known, 3, 'the newest refresh token of a family was refused', call),
    ]
  })
}

/**
 * I5: what was ended stays so. Only requests that began after the end had been answered count; to guards it holds after the time that
 * they may lag behind.
 */
function endedIsDead(known: Knowledge): Violation[] {
  const leftSessions = new Map<string, number>()
  for (const { operation, sent, answer, end } of known.calls) {
    if (operation === 'sign-out' && sent.everywhere !== true && answer !== null && answer.status < 400)
      leftSessions.set(sent.session ?? '', end)
  }
  return known.calls.flatMap((call) => {
    if (!succeeds(call)) return []
    if (call.operation === 'redeem') {
      const left = leftSessions.get(call.sent.session ?? '')
      return left !== undefined && left < call.start ? [violation(known, 5, 'a code outlived its session', call)] : []
    }
    const token = known.tokens.get(call.sent.token ?? '')
    const lag = call.operation === 'verify' ? known.rules.guardsKnowWithin : 0
    const end = token === undefined ? undefined : known.endsOf(token).find((candidate) => mustCover(candidate, token, call, lag))
    return end === undefined ? [] : [violation(known, 5, `alive after its end by ${end.call.operation}`, call)]
  })
}

/** I6: an answer comes in time. A process that is stopped or gets no processor has no time; the same goes for the run. */
function inTime(known: Knowledge): Violation[] {
  return known.calls.flatMap((call) => {
    if (call.end - call.start <= known.rules.answerWithin) return []
    const stopped = known.absences.filter(({ at }) => at === call.at).map((absence) => overlap(absence, call))
    const took = call.end - call.start - sum(stopped) - starvedFor(call, known)
    if (took <= known.rules.answerWithin) return []
    return [violation(known, 6, `${call.operation} took ${Math.round(took)} ms of the server's time`, call)]
  })
}

/** How long the process or the run had no processor: of a moment in which both had none, the longer time. */
function starvedFor(call: Call, known: Knowledge): number {
  const longest = new Map<number, number>()
  for (const { at, start, end, milliseconds } of known.starvations) {
    if ((at === 0 || at === call.at) && overlap({ start, end }, call) > 0)
      longest.set(start, Math.max(longest.get(start) ?? 0, milliseconds))
  }
  return sum([...longest.values()])
}

/** I7: while Redis is away each process counts by itself, and lets no more through than it may. */
function stillLimited(known: Knowledge): Violation[] {
  return known.faults
    .filter((fault) => fault.withoutRedis === true)
    .flatMap((fault) =>
      fault.at.flatMap((at) => {
        const admitted = known.calls.filter(
          (call) =>
            call.operation === 'knock' &&
            call.at === at &&
            call.start > fault.start &&
            call.end < fault.end &&
            call.answer !== null &&
            call.answer.status !== 429,
        )
        const tooMany = admitted[known.rules.knocks]
        return tooMany === undefined
          ? []
          : [violation(known, 7, `process ${at} let ${admitted.length} knocks through while ${fault.name}`, tooMany)]
      }),
    )
}

function violation(known: Knowledge, invariant: Invariant, what: string, call: Call): Violation {
  const grant = known.tokens.get(call.sent.token ?? call.answer?.access ?? '')?.grant
  return { invariant, what, call, ...(grant === undefined ? {} : { grant }) }
}

/** A definite no to a token. */
function refuses({ operation, answer }: Call, token: Token): boolean {
  if (answer === null) return false
  if (operation === 'refresh') return answer.status === 400 && answer.error === 'invalid_grant'
  if (token.kind !== 'access') return false
  if (operation === 'verify') return answer.status === 401
  return operation === 'userinfo' ? answer.status === 401 : operation === 'introspect' && answer.active === false
}

function succeeds({ operation, answer }: Call): boolean {
  if (answer?.status !== 200) return false
  return operation === 'introspect' ? answer.active === true : ['refresh', 'redeem', 'userinfo', 'verify'].includes(operation)
}

function mayCover(end: End, token: Token, call: Call): boolean {
  return end.from < call.end && names(end, token)
}

function mustCover(end: End, token: Token, call: Call, lag: number): boolean {
  const isSure = end.sure !== undefined && end.sure + lag < call.start
  return isSure && names(end, token) && end.sessions?.has(token.session) !== false
}

function names(end: End, token: Token): boolean {
  return end.id === { token: token.value, ...token }[end.scope]
}

function overlap(
  a: { readonly start: number; readonly end: number },
  b: { readonly start: number; readonly end: number },
): number {
  return Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

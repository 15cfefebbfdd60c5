// Tells of a violation: what it is, everything that happened to what it concerns, in order, and how to see it again. Tokens are
// in the log of the run; here they are told apart by the beginning of their digest.
import { createHash } from 'node:crypto'
import type { Violation } from './checker.ts'
import type { Call, Entry, Fault } from './history.ts'
import { know } from './knowledge.ts'

/** How much is shown of a long history: its end, where the violation is. */
const MOST_LINES = 60

/** The first violation with its history. */
export function describeViolation({ invariant, what, call, grant }: Violation, history: readonly Entry[]): string {
  const concerned = grant === undefined ? callsBeside(call, history) : callsOfGrant(grant, call, history)
  const from = concerned[0]?.start ?? call.start
  const faults = history.filter((entry) => entry.kind === 'fault' && entry.end >= from && entry.start <= call.end)
  const lines = [...concerned, ...(faults as Fault[])]
    .toSorted((a, b) => a.start - b.start)
    .map((entry) =>
      entry.kind === 'call' ? `${entry === call ? '>' : ' '} ${lineOf(entry)}` : `  ${times(entry)}  ### ${entry.name}`,
    )
  const shown = lines.slice(-MOST_LINES)
  const left = lines.length - shown.length
  return [`I${invariant}: ${what}`, ...(left > 0 ? [`  … ${left} earlier lines are in the log`] : []), ...shown].join('\n')
}

/** All requests about a grant and the session and codes it came from, up to the violation. */
function callsOfGrant(grant: string, violating: Call, history: readonly Entry[]): Call[] {
  const { tokens, calls } = know(history)
  const family = [...tokens.values()].filter((token) => token.grant === grant)
  const values = new Set(family.map((token) => token.value))
  const sessions = new Set(family.map((token) => token.session))
  const isOf = ({ operation, sent, answer }: Call) =>
    values.has(sent.token ?? '') ||
    values.has(answer?.access ?? '') ||
    (operation === 'sign-out' &&
      (sessions.has(sent.session ?? '') || (sent.everywhere === true && sent.account === family[0]?.account)))
  return calls.filter((call) => call.start <= violating.end && isOf(call))
}

function callsBeside(call: Call, history: readonly Entry[]): Call[] {
  const calls = history.filter((entry) => entry.kind === 'call')
  const { code } = call.sent
  if (code !== undefined) return calls.filter((other) => other.sent.code === code)
  return calls.filter((other) => other.who === call.who && other.end > call.start - 3000 && other.start <= call.end)
}

function lineOf(call: Call): string {
  const { sent, answer, operation } = call
  const asked = [
    sent.token === undefined ? '' : name(sent.token),
    sent.code === undefined ? '' : `code ${name(sent.code)}`,
    sent.path ?? '',
    operation === 'sign-out' ? `${sent.everywhere === true ? `all of ${sent.account}` : sent.session}` : '',
  ].filter((part) => part !== '')
  return `${times(call)}  ${call.who} at ${call.at}: ${operation} ${asked.join(' ')} -> ${answerOf(answer)}`
}

function answerOf(answer: Call['answer']): string {
  if (answer === null) return 'no answer'
  const { status, error, active, refresh, access } = answer
  const parts = [error, active === undefined ? undefined : active ? 'active' : 'inactive']
  const tokens = [refresh, access].map((token) => (token === undefined ? undefined : name(token)))
  return [String(status), ...parts, ...tokens].filter((part) => part !== undefined).join(' ')
}

function times({ start, end }: { readonly start: number; readonly end: number }): string {
  return `${(start / 1000).toFixed(3)}–${(end / 1000).toFixed(3)}`
}

function name(secret: string): string {
  const kind = secret.startsWith('rt_')
    ? 'refresh'
    : secret.includes('.')
      ? 'jwt'
      : secret.startsWith('at_')
        ? 'opaque'
        : 'secret'
  return `${kind}:${createHash('sha256').update(secret).digest('hex').slice(0, 8)}`
}

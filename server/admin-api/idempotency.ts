// `Idempotency-Key`: a request that is sent again, because its answer did not arrive, does nothing a second time and gets the same
// answer.
import type { Context } from 'koa'
import { hasBody, readBodyText } from '../http/json.ts'
import { HttpProblem } from '../http/problems.ts'
import type { Caller } from './caller.ts'
import type { ApiAnswer } from './route.ts'

/** Does a request, or answers as it was answered before. @throws HttpProblem 409, 422 */
export type AnswerAgain = (
  ctx: Context,
  by: { readonly caller: Caller; readonly key: string },
  answer: () => Promise<ApiAnswer>,
) => Promise<ApiAnswer>

/** What becomes of a request with a key. */
type Admission =
  | { readonly how: 'do'; keep(answer: string): Promise<void>; drop(): Promise<void> }
  | { readonly how: 'answered'; readonly answer: string }
  | { readonly how: 'under way' }
  | { readonly how: 'other' }

/** The key of a request, if it has one. @throws HttpProblem 400 */
export function readIdempotencyKey(ctx: Context): string | undefined {
  const key = ctx.get('Idempotency-Key')
  if (key === '') return undefined
  if (/^[\x21-\x7E]{1,200}$/.test(key)) return key
  const detail = 'Idempotency-Key takes 1 to 200 printable characters without spaces.'
  throw new HttpProblem(400, 'Not what was expected', detail, { type: 'invalid-request' })
}

/** Makes it. `admit` keeps the answers. */
export function createAnswerAgain(deps: {
  readonly admit: (key: readonly string[], request: readonly string[]) => Promise<Admission>
}): AnswerAgain {
  return async (ctx, { caller, key }, answer) => {
    const body = hasBody(ctx) ? await readBodyText(ctx) : ''
    const admission = await deps.admit([caller.clientId, caller.actor, key], [ctx.method, ctx.url, body])
    if (admission.how === 'answered') return JSON.parse(admission.answer) as ApiAnswer
    if (admission.how === 'other') {
      const detail = 'This Idempotency-Key was used for another request. Choose a new one for each.'
      throw new HttpProblem(422, 'Key used before', detail, { type: 'idempotency-key-reused' })
    }
    if (admission.how === 'under way') {
      const detail = 'The same request is under way. Ask again in a moment.'
      throw new HttpProblem(409, 'Under way', detail, { type: 'request-under-way', retryAfterSeconds: 1 })
    }
    const done = await answer().catch(async (error: unknown) => {
      // It has not done anything: whoever asks again has it done.
      await admission.drop().catch(() => undefined)
      throw error
    })
    await admission.keep(JSON.stringify(done))
    return done
  }
}

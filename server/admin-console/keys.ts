// Signing keys in the console: which there are and what is due, new ones, and what is done when somebody else may have one.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { keyCompromise, keyDetail, keyList, keyRetirement, keyRotation } from '../../views/admin-console/keys.ts'
import type { Change } from '../audit/change.ts'
import { ChangedMeanwhile } from '../audit/versions.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Form } from '../http/form.ts'
import { HttpProblem } from '../http/problems.ts'
import type { KeyItem, KeyTurns } from '../keys/key-turns.ts'
import { SIGNING_ALGORITHMS } from '../keys/signing-keys.ts'
import type { Ended } from '../tokens/ending.ts'
import { asking } from './asking.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref, readRows } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { refusalOf } from './refusals.ts'

/** What the pages call. */
export interface KeyPagesDeps {
  readonly cursors: Cursors
  readonly turns: Pick<KeyTurns, 'page' | 'find' | 'rotate' | 'retire' | 'version'>
  readonly compromise: (kid: string, change: Change) => Promise<Ended>
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

const PATH = '/admin/keys'

/** Makes the pages. */
export function keyPages(deps: KeyPagesDeps): ConsoleRoute[] {
  const write = { access: ACCESS.keys.write, fresh: true } as const
  const end = { section: '/keys', access: ACCESS.keys.write, find: (kid: string) => found(deps.turns, kid), refusalOf }
  return [
    { method: 'get', path: '/keys', access: ACCESS.keys.read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    { ...write, method: 'get', path: '/keys/rotation', handle: (ctx, visit) => askToRotate(deps, visit, queryOf(ctx)) },
    {
      ...write,
      method: 'post',
      path: '/keys/rotation',
      back: (_ctx, form) => rotationHref(form),
      handle: (ctx, visit, form) => rotate(deps, ctx, visit, form),
    },
    { method: 'get', path: '/keys/:id', access: ACCESS.keys.read, handle: (ctx, visit) => showOne(deps, ctx, visit) },
    ...asking({
      ...end,
      what: 'retirement',
      title: 'End the turn of a key',
      view: ({ thing, ...view }) => keyRetirement({ key: thing, ...view }),
      async act({ kid }, change) {
        await deps.turns.retire(kid, change)
        return 'Done. Another key has its turn.'
      },
    }),
    ...asking({
      ...end,
      what: 'compromise',
      title: 'A key that somebody else may have',
      view: ({ thing, ...view }) => keyCompromise({ key: thing, ...view }),
      async act({ kid }, change) {
        await deps.compromise(kid, change)
        return 'All that the key signed is refused from now on, and another one signs.'
      },
    }),
  ]
}

async function showList({ turns, cursors, clock }: KeyPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { rows: keys, ...hrefs } = await readRows<KeyItem>({
    ...{ cursors, path: PATH, asked: {}, cursor },
    read: (limit, after) =>
      turns.page({
        limit,
        ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), kid: String(after[1]) } }),
      }),
    placeOf: ({ createdAt, kid }) => [createdAt.getTime(), kid],
  })
  const body = keyList({ keys, ...hrefs, mayWrite: visit.may(ACCESS.keys.write), now: new Date(clock()) })
  visit.show({ title: 'Signing keys', section: PATH, body })
}

async function showOne({ turns, clock }: KeyPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const key = await found(turns, String(ctx.params.id))
  const body = keyDetail({ key, mayWrite: visit.may(ACCESS.keys.write), now: new Date(clock()) })
  visit.show({ title: `Key for ${key.alg}`, section: PATH, body })
}

async function found(turns: KeyPagesDeps['turns'], kid: string): Promise<KeyItem> {
  const key = await turns.find(kid)
  if (key === undefined) throw new HttpProblem(404, 'No such key', 'No key of this server has that id.')
  return key
}

async function askToRotate(
  { turns }: KeyPagesDeps,
  visit: ConsoleVisit,
  get: Get,
  refused?: { readonly fault: string; readonly status: number },
): Promise<void> {
  const asked = { alg: get('alg'), now: get('now') === 'yes', reason: get('reason').trim().slice(0, 1000) }
  // After a refusal what is there now has been seen.
  const seen = refused?.status === 409 ? '' : get('version')
  const body = keyRotation({
    ...{ algorithms: SIGNING_ALGORITHMS, asked, csrf: visit.csrf },
    version: seen === '' ? await turns.version() : seen,
    ...(refused === undefined ? {} : { fault: refused.fault }),
  })
  visit.show({ title: 'New keys', section: PATH, body }, refused?.status ?? 200)
}

type Get = (name: string) => string

function queryOf({ query }: Context): Get {
  return (name) => (typeof query[name] === 'string' ? query[name] : '')
}

function rotationHref(form: Form): string {
  const fields = ['alg', 'now', 'reason', 'version']
  return listHref(`${PATH}/rotation`, Object.fromEntries(fields.map((field) => [field, form.get(field)])))
}

async function rotate(deps: KeyPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const refuse = (status: number, fault: string) => askToRotate(deps, visit, form.get, { fault, status })
  const reason = form.get('reason').trim()
  if (reason === '') return refuse(400, 'Nothing was made: say why, for the audit log.')
  const alg = SIGNING_ALGORITHMS.find((one) => one === form.get('alg'))
  if (alg === undefined && form.get('alg') !== '') return refuse(400, `Keys are for ${SIGNING_ALGORITHMS.join(', ')}.`)
  const now = form.get('now') === 'yes'
  const request = { now, seen: form.get('version'), ...(alg === undefined ? {} : { alg }) }
  try {
    await deps.turns.rotate(request, visit.change(reason))
  } catch (error) {
    // As when the page that said so is loaded again: another key would end the turn of the first.
    return refuse(409, error instanceof ChangedMeanwhile ? CHANGED : refusalOf(error))
  }
  redirectWithNotice(ctx, PATH, now ? 'New keys sign from now on.' : 'New keys are announced. They sign in an hour.')
}

const CHANGED = 'The keys have changed since you opened this page, perhaps by this very form. None was made.'

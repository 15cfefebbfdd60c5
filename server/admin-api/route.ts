// What a route of the admin API is: who may use it, what it takes, what it answers, and what it does. The same schemas check requests,
// shape answers and make the OpenAPI document.
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import type { z } from 'zod'
import type { AccessRule } from '../../config/roles.ts'
import type { Change } from '../audit/change.ts'
import { allowBytes, checkShape, hasBody, readBodyText, readJson } from '../http/json.ts'
import type { RouteHeader } from './answer-headers.ts'
import type { Caller } from './caller.ts'
import { nothing } from './shapes.ts'

/** What a route is handed: everything is as its schemas say. */
export interface ApiRequest<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly caller: Caller
  /** For what only some of those may see who may use the route. @throws HttpProblem 403 */
  insist(rule: AccessRule): void
  /** The same of a part of the answer, which is left out for the others. */
  may(rule: AccessRule): boolean
  /** What is written to the audit log of what the route does. */
  change(reason?: string): Change
  /** The version that the caller has seen of what is to be changed (RFC 9110 §13.1.1); undefined: whichever there is. */
  readonly ifVersion: string | undefined
  /** Looks again whether the caller may use the route, for answers that go on for long. @throws HttpProblem 401, 403 */
  stillAllowed(): Promise<void>
  readonly ctx: Context
}

/** What a route answers. */
export interface ApiAnswer {
  /** 200 when left out. */
  readonly status?: number
  readonly body?: unknown
  /** Becomes the `ETag`. */
  readonly version?: string
  readonly headers?: { readonly [name in RouteHeader | 'Content-Type']?: string }
  /** Sent as it comes, in the place of a body. */
  readonly stream?: Readable
  /** Writes the answer itself, and for as long as the other end stays. */
  readonly listener?: (response: ServerResponse) => void
}

/** One status that a route answers with. */
export interface ApiOutcome {
  readonly description: string
  /** Of the body: what is not in it is not sent. */
  readonly schema?: z.ZodType
  /** The media types of an answer that is no JSON. */
  readonly types?: readonly string[]
  /** The headers that each such answer has besides those of all: no other is sent. */
  readonly headers?: readonly RouteHeader[]
  /** Those that some have. */
  readonly headersAtTimes?: readonly RouteHeader[]
}

/** What is told of a route. */
export interface ApiRouteFacts {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Below `/admin/api/v1`, with `:name` for what is in `params`. */
  readonly path: string
  /** Its `operationId`. */
  readonly name: string
  readonly summary: string
  readonly description?: string
  /** The noun under which the document lists it. */
  readonly tag: string
  readonly access: AccessRule | 'public'
  /** Those who may do one of these may use it too, for what is theirs: the route itself sees to that, and insists on `access` for the rest. */
  readonly accessToOwn?: readonly AccessRule[]
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** The body may be left out; then it is `{}`. */
  readonly bodyOptional?: boolean
  /** The most that the body may weigh, where that is more than for others. */
  readonly mostBytes?: number
  /** A body of type `text/csv` is taken as well: it becomes the member `csv`. */
  readonly csv?: boolean
  /** Takes `If-Match`. */
  readonly versioned?: boolean
  readonly outcomes: { readonly [status: number]: ApiOutcome }
}

/** A route. */
export interface ApiRoute extends ApiRouteFacts {
  /** @throws HttpProblem */
  answer(request: Omit<ApiRequest<unknown, unknown, unknown>, 'params' | 'query' | 'body'>): Promise<ApiAnswer>
}

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined

/** Makes a route, whose `handle` is handed what its schemas let through. */
export function route<
  const Params extends z.ZodObject | undefined = undefined,
  const Query extends z.ZodObject | undefined = undefined,
  const Body extends z.ZodType | undefined = undefined,
>(
  definition: Omit<ApiRouteFacts, 'params' | 'query' | 'body'> & {
    readonly params?: Params
    readonly query?: Query
    readonly body?: Body
    readonly handle: (request: ApiRequest<Output<Params>, Output<Query>, Output<Body>>) => Promise<ApiAnswer>
  },
): ApiRoute {
  const { handle, params, query, body, ...facts } = definition
  return {
    ...facts,
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { body }),
    async answer(request) {
      const { ctx } = request
      // What each output type says is what its schema has let through, or `undefined` where there is no schema.
      return handle({
        ...request,
        params: (params === undefined ? undefined : checkShape(ctx.params, params)) as Output<Params>,
        query: (query === undefined ? checkNone(ctx) : checkShape(ctx.query, query)) as Output<Query>,
        body: (body === undefined ? undefined : await readBody(ctx, body, facts)) as Output<Body>,
      })
    },
  }
}

async function readBody(ctx: Context, body: z.ZodType, { bodyOptional, csv }: Partial<ApiRouteFacts>): Promise<unknown> {
  if (bodyOptional === true && !hasBody(ctx)) return checkShape({}, body)
  if (csv === true && ctx.is('text/csv') !== false) return checkShape({ csv: await readBodyText(ctx) }, body)
  return readJson(ctx, body)
}

/** Says how much a request for a route may bring, before anybody reads it. */
export function allowBodyOf(ctx: Context, { mostBytes }: ApiRouteFacts): void {
  if (mostBytes !== undefined) allowBytes(ctx, mostBytes)
}

/** A mistyped parameter must not pass for one that was heeded. */
function checkNone(ctx: Context): undefined {
  checkShape(ctx.query, nothing)
  return undefined
}

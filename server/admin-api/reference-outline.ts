// The OpenAPI document as people read it: routes by their nouns, with what they take and answer in words and tables. The page that is
// served and the one among the documents are made of it.
import type {
  Reference,
  ReferenceGroup,
  ReferenceMember,
  ReferenceOperation,
  ReferenceShape,
  TypePart,
} from '../../views/admin-api/reference.ts'
import { PROBLEM_TYPES } from '../http/problem-types.ts'
import type { OpenApiDocument } from './openapi.ts'

/** What is read of a schema (JSON Schema 2020-12). */
interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: { readonly [name: string]: Schema }
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
}

interface Media {
  readonly [mediaType: string]: { readonly schema?: Schema }
}

/** What is read of an operation. */
interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly security: readonly { readonly accessToken?: readonly string[] }[]
  readonly parameters?: readonly {
    readonly in: string
    readonly name: string
    readonly required?: boolean
    readonly description?: string
    readonly schema: Schema
  }[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Media }
  readonly responses: {
    readonly [status: string]: {
      readonly description: string
      readonly headers?: { readonly [name: string]: { readonly required?: boolean } }
      readonly content?: Media
    }
  }
}

/** Makes it. @param path where the API is */
export function referenceOf(document: OpenApiDocument, path: string): Reference {
  const schemas = (document.components?.schemas ?? {}) as { readonly [name: string]: Schema }
  const operations = Object.entries(document.paths ?? {}).flatMap(([where, methods]) =>
    Object.entries(methods as { readonly [method: string]: Operation }).map(([method, one]) => ({ where, method, one })),
  )
  const names = [...new Set(operations.flatMap(({ one }) => one.tags))]
  return {
    path,
    groups: names.map((name) => {
      const own = operations.filter(({ one }) => one.tags.includes(name))
      return {
        name,
        slug: name.toLowerCase().replaceAll(' ', '-'),
        operations: own.map(({ where, method, one }) => operationOf(where, method, one)),
        schemas: schemasOf(
          own.map(({ one }) => one),
          schemas,
        ),
      }
    }),
    problem: { type: ['Problem'], members: membersOf(schemas.Problem ?? {}) },
    problems: Object.entries(PROBLEM_TYPES).map(([type, { status, meaning }]) => ({ type, status, meaning })),
  }
}

function operationOf(path: string, method: string, one: Operation): ReferenceOperation {
  const { requestBody: body } = one
  return {
    method: method.toUpperCase(),
    path,
    name: one.operationId,
    summary: one.summary,
    texts: (one.description ?? '').split('\n\n').filter((text) => text !== ''),
    scopes: one.security.flatMap(({ accessToken = [] }) => accessToken),
    parameters: (one.parameters ?? []).map(({ in: place, name, required = false, description, schema }) => ({
      ...{ name, place, required, type: typeOf(schema), meaning: description ?? schema.description ?? '' },
    })),
    ...(body === undefined
      ? {}
      : { body: { ...bodyShape(body.content), required: body.required === true, mediaTypes: Object.keys(body.content) } }),
    answers: Object.entries(answersOf(one)).map(([status, { description, headers = {}, content = {} }]) => ({
      status,
      meaning: description,
      headers: ownHeaders(one, headers),
      mediaTypes: Object.keys(content),
      ...(content['application/json'] === undefined ? {} : { shape: bodyShape(content) }),
    })),
  }
}

/** Those that each answer has, problems as well, are told of once. */
function ownHeaders({ responses }: Operation, headers: { readonly [name: string]: { readonly required?: boolean } }) {
  const own = Object.entries(headers).filter(([name]) => !(name in (responses.default?.headers ?? {})))
  return own.map(([name, { required = false }]) => ({ name, always: required }))
}

/** A problem is what every other answer is, and is told of once. */
function answersOf({ responses }: Operation): Operation['responses'] {
  return Object.fromEntries(
    Object.entries(responses).filter(([, { content = {} }]) => content['application/problem+json'] === undefined),
  )
}

function bodyShape(content: Media): ReferenceShape {
  const schema = content['application/json']?.schema ?? {}
  return { type: typeOf(schema), members: membersOf(schema) }
}

/** The schemas that operations speak of, and those that these speak of, in the order in which they come up. */
function schemasOf(operations: readonly Operation[], schemas: { readonly [name: string]: Schema }): ReferenceGroup['schemas'] {
  const found: string[] = []
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const { $ref } = value as Schema
    const name = $ref === undefined ? undefined : nameOf($ref)
    if (name !== undefined && !found.includes(name)) {
      found.push(name)
      look(schemas[name])
    }
    for (const inside of Object.values(value)) look(inside)
  }
  look(operations.map((one) => ({ ...one, responses: answersOf(one) })))
  return found.map((name) => {
    const schema = schemas[name] ?? {}
    return { name, meaning: schema.description ?? '', type: typeOf(schema), members: membersOf(schema) }
  })
}

function nameOf($ref: string): string {
  return $ref.split('/').at(-1) ?? ''
}

/** What a value is, in words. */
function typeOf(schema: Schema): TypePart[] {
  const { default: otherwise } = schema
  return otherwise === undefined ? kindOf(schema) : [...kindOf(schema), `, \`${JSON.stringify(otherwise)}\` when left out`]
}

function kindOf(schema: Schema): TypePart[] {
  const { $ref, anyOf, allOf, enum: values, items, additionalProperties } = schema
  if ($ref !== undefined) return [{ schema: nameOf($ref) }]
  if (anyOf !== undefined) return joined(anyOf)
  if (allOf !== undefined) return joined(allOf)
  if (schema.const !== undefined) return [`\`${JSON.stringify(schema.const)}\``]
  if (schema.type === 'boolean') return ['boolean']
  if (values !== undefined) return [values.map((value) => `\`${JSON.stringify(value)}\``).join(', ')]
  if (items !== undefined)
    return ['list of ', ...kindOf(items), ...(schema.maxItems === undefined ? [] : [`, at most ${schema.maxItems}`])]
  if (typeof additionalProperties === 'object' && Object.keys(additionalProperties).length > 0)
    return ['object, by name: ', ...kindOf(additionalProperties)]
  return [simple(schema)]
}

function joined(schemas: readonly Schema[]): TypePart[] {
  return schemas.flatMap((one, index) => (index === 0 ? kindOf(one) : [' or ', ...kindOf(one)]))
}

function simple({ type, format, minimum, maximum, maxLength }: Schema): string {
  if (type === undefined) return 'anything'
  if (format === 'date-time') return 'time (RFC 3339)'
  const kind = format === 'uri' ? 'URL' : [type].flat().join(' or ')
  // What the numbers of the language can hold is no limit of ours.
  const most = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  const least = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined
  if (most !== undefined) return `${kind}, ${least ?? 0} to ${most}`
  if (least !== undefined && least > 0) return `${kind}, ${least} or more`
  return maxLength === undefined ? kind : `${kind}, at most ${maxLength} characters`
}

/** The members of an object, and below each its own; of a list those of what is in it. */
function membersOf(schema: Schema, prefix = ''): ReferenceMember[] {
  const { anyOf, allOf, items, properties = {}, required = [], additionalProperties } = schema
  const choices = [...(anyOf ?? []), ...(allOf ?? [])].filter(({ $ref }) => $ref === undefined)
  return [
    ...(items === undefined || items.$ref !== undefined ? [] : membersOf(items, `${prefix}[]`)),
    ...choices.flatMap((choice) => membersOf(choice, prefix)),
    ...(typeof additionalProperties === 'object' ? membersOf(additionalProperties, `${prefix}.*`) : []),
    ...Object.entries(properties).flatMap(([name, member]) => {
      const full = prefix === '' ? name : `${prefix}.${name}`
      const own = {
        name: full,
        type: typeOf(member),
        required: required.includes(name),
        meaning: member.description ?? '',
      }
      return [own, ...membersOf(member, full)]
    }),
  ]
}

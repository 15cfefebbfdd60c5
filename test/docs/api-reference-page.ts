// docs/reference/admin-api-routes.md, made of what the pages of the server show.
import type { Reference, ReferenceGroup, ReferenceMember, ReferenceOperation, TypePart } from '../../views/admin-api/reference.ts'

/** The text of the page. */
export function apiReferencePage({ groups, problem, problems }: Reference): string {
  const schemas = new Map(groups.flatMap((group) => group.schemas.map((schema) => [schema.name, schema] as const)))
  return `${[
    INTRODUCTION,
    ...groups.flatMap(({ name, operations }) => [`## ${name}`, ...operations.flatMap(operationParts)]),
    PROBLEMS,
    memberTable(problem.members),
    table(['type', 'status', 'means'], problems.map(problemRow)),
    '## What they speak of',
    ...[...schemas.values()].sort((a, b) => a.name.localeCompare(b.name, 'en')).flatMap(schemaParts),
  ].join('\n\n')}\n`
}

const INTRODUCTION = `<!-- Written from the schemas of the routes by \`npm run docs\`; a test compares. -->
# The routes of the admin API

Below \`/admin/api/v1\`. What they have in common is said [on a page of its own](admin-api.md). The server shows the same at
\`/admin/api/v1/reference\`, and for programs at \`/admin/api/v1/openapi.json\`. \`filter.account\` is the member \`account\` of \`filter\`,
\`items[].id\` the \`id\` of each of \`items\`.`

const PROBLEMS = `## Problems

Every other answer is \`application/problem+json\`. Its \`type\` is \`urn:latchkey:problem:\` and one of those below, or \`about:blank\`, where
the status says it all.`

function problemRow({ type, status, meaning }: Reference['problems'][number]): readonly string[] {
  return [`\`${type}\``, String(status), meaning]
}

function schemaParts({ name, meaning, type, members }: ReferenceGroup['schemas'][number]): string[] {
  return [
    `### Schema ${name}`,
    ...(meaning === '' ? [] : [prose(meaning)]),
    members.length === 0 ? typeOf(type) : memberTable(members),
  ]
}

function operationParts(one: ReferenceOperation): string[] {
  const { method, path, summary, texts, scopes, parameters, body, answers } = one
  return [
    `### ${method} ${path}`,
    `${prose(summary)}.`,
    ...texts.map(prose),
    scopes.length === 0 ? 'Open to everybody.' : `Takes the scope ${scopes.map((scope) => `\`${scope}\``).join(' or ')}.`,
    ...(parameters.length === 0
      ? []
      : ['Parameters:', table(['parameter', 'what it is', 'means'], parameters.map(parameterRow))]),
    ...(body === undefined
      ? []
      : [
          `Body: ${typeOf(body.type)} as ${listed(body.mediaTypes)}${body.required ? '' : ', which may be left out'}.`,
          ...(body.members.length === 0 ? [] : [memberTable(body.members)]),
        ]),
    ...answers.flatMap(({ status, meaning, mediaTypes, headers, shape }) => [
      `**${status}**: ${prose(meaning)}${mediaTypes.length === 0 ? '' : ` ${shape === undefined ? '' : `${typeOf(shape.type)} as `}${listed(mediaTypes)}.`}${headers.map(({ name, always }) => ` It ${always ? 'has' : 'may have'} \`${name}\`.`).join('')}`,
      ...(shape === undefined || shape.members.length === 0 ? [] : [memberTable(shape.members)]),
    ]),
  ]
}

function parameterRow(member: ReferenceOperation['parameters'][number]): readonly string[] {
  const [name = '', ...others] = memberRow(member)
  return [`${name} (${member.place})`, ...others]
}

function memberTable(members: readonly ReferenceMember[]): string {
  return table(['member', 'what it is', 'means'], members.map(memberRow))
}

function memberRow({ name, type, required, meaning }: ReferenceMember): readonly string[] {
  return [`\`${name}\`${required ? ', required' : ''}`, typeOf(type), prose(meaning)]
}

function typeOf(parts: readonly TypePart[]): string {
  return parts
    .map((part) => (typeof part === 'string' ? part : `[${part.schema}](#schema-${part.schema.toLowerCase()})`))
    .join('')
}

function listed(mediaTypes: readonly string[]): string {
  return mediaTypes.map((type) => `\`${type}\``).join(' or ')
}

/** What would be taken for HTML outside of code is not. */
function prose(text: string): string {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `\`${part}\`` : part.replaceAll('<', '&lt;')))
    .join('')
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line)].join('\n')
}

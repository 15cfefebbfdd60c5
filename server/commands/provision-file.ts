// The provision file (docs/provision-file.md): clients, resource servers and accounts as YAML or JSON. All that is wrong
// with it is found at once, each fault with its line.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { Config } from '../../config/config.ts'
import { errorCode, nearestName } from '../../config/faults.ts'
import { type PlacedFault, type PositionedFile, parsePositioned } from '../../config/positioned-yaml.ts'
import { provisionedSettings } from '../../config/provision-settings.ts'
import { emailKey } from '../accounts/email-key.ts'
import { readClientMetadata } from '../clients/client-metadata.ts'
import type { ClientMetadata } from '../clients/client-metadata-members.ts'
import { certificateIssues } from '../clients/client-metadata-rules.ts'
import { clientSecretFault, isWeakClientSecret } from '../clients/client-secrets.ts'
import { type ResourceServerEntry, resourceServerEntry } from '../resource-servers/resource-server-entry.ts'
import { type AccountEntry, accountEntry } from './provision-entries.ts'

/** The file cannot be used. The message has one line for each fault, each with its place. */
export class ProvisionFileError extends Error {
  override readonly name = 'ProvisionFileError'
  readonly faults: readonly PlacedFault[]

  constructor(faults: readonly PlacedFault[]) {
    super(faults.map((fault) => `${fault.place}: ${fault.message}`).join('\n'))
    this.faults = faults
  }
}

/** An entry, and where in the file it stands. */
export interface Placed<Entry> {
  readonly entry: Entry
  /** `file:line:column` */
  readonly place: string
}

/** A client of the file. */
export interface ClientEntry {
  readonly metadata: ClientMetadata
  readonly secret: string | undefined
}

/** A provision file that is right in itself. */
export interface ProvisionFile {
  readonly clients: readonly Placed<ClientEntry>[]
  readonly resourceServers: readonly Placed<ResourceServerEntry>[]
  readonly accounts: readonly Placed<AccountEntry>[]
  readonly hasSettings: boolean
}

/** What a file is judged by. */
export interface ProvisionRules {
  readonly environment: Config['environment']
  readonly issuer: string
  readonly isUsableHash: (hash: string) => boolean
  /** How clients' certificates come in, if they do. */
  readonly clientCertificates: Config['clientCertificates']
}

/** Reads a file. @throws ProvisionFileError */
export function readProvisionFile(path: string, rules: ProvisionRules): ProvisionFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ProvisionFileError([{ place: path, message: `the file cannot be read (${errorCode(error)})` }])
  }
  return parseProvisionFile(text, path, rules)
}

/** Reads the text of a file. Secrets in files of their own are looked for beside it. @throws ProvisionFileError */
export function parseProvisionFile(text: string, path: string, rules: ProvisionRules): ProvisionFile {
  const file = parsePositioned(text, path)
  if (file.faults.length > 0) throw new ProvisionFileError(file.faults)
  const reader = new Reader(file, dirname(path), rules)
  const content = reader.sections(file.value ?? {})
  const read = {
    clients: reader.entries('clients', content.clients, (entry, at) => reader.client(entry, at)),
    resourceServers: reader.entries('resource_servers', content.resource_servers, (entry, at) =>
      reader.resourceServer(entry, at),
    ),
    accounts: reader.entries('accounts', content.accounts, (entry, at) => reader.account(entry, at)),
    hasSettings: reader.settings(content.settings ?? {}),
  }
  reader.refuseTwins('clients', read.clients, ({ metadata }) => metadata.client_id)
  reader.refuseTwins('resource_servers', read.resourceServers, ({ identifier }) => identifier)
  reader.refuseTwins('accounts', read.accounts, ({ email }) => emailKey(email))
  if (reader.faults.length > 0) throw new ProvisionFileError(inOrder(reader.faults))
  return read
}

type Path = readonly (string | number)[]

const record = z.record(z.string(), z.unknown(), 'it must be keys with values')
const list = z.array(z.unknown(), 'it must be a list')

const SECTIONS = ['clients', 'resource_servers', 'accounts', 'settings']

/** The members of a client entry that are not RFC 7591 metadata to be kept. */
const clientSecrets = z.object({
  client_secret: z.string('it must be text (in quotes)').optional(),
  client_secret_file: z.string('it must be a path').optional(),
  // A pasted registration answer has it (RFC 7591 §3.2.1): 0 means never.
  client_secret_expires_at: z.literal(0, 'it must be 0: secrets of a provision file do not expire').optional(),
})

/** Reads the parts of a file and collects what is wrong. */
class Reader {
  readonly faults: PlacedFault[] = []
  readonly #file: PositionedFile
  readonly #folder: string
  readonly #rules: ProvisionRules

  constructor(file: PositionedFile, folder: string, rules: ProvisionRules) {
    this.#file = file
    this.#folder = folder
    this.#rules = rules
  }

  /** The sections of the file. One that is unknown does not keep the faults of the others from being found. */
  sections(value: unknown): Readonly<Record<string, unknown>> {
    const content = this.read([], value, record) ?? {}
    for (const key of Object.keys(content)) if (!SECTIONS.includes(key)) this.#unknownKey([], key, SECTIONS)
    return content
  }

  /** Reads a value; undefined, and faults, when it is not what it must be. */
  read<Schema extends z.ZodType>(path: Path, value: unknown, schema: Schema): z.output<Schema> | undefined {
    const result = schema.safeParse(value)
    if (result.success) return result.data
    for (const issue of result.error.issues) {
      const at = [...path, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]
      if (issue.code === 'unrecognized_keys')
        for (const key of issue.keys) this.#unknownKey(at, key, issue.path.length === 0 ? keysOf(schema) : [])
      else this.fault(at, isMissing(value, issue.path) ? 'it is missing' : issue.message)
    }
    return undefined
  }

  entries<Entry>(section: string, values: unknown, read: (value: unknown, at: Path) => Entry | undefined): Placed<Entry>[] {
    const items = this.read([section], values ?? [], list) ?? []
    return items.flatMap((value, index) => {
      const at = [section, index]
      const entry = read(value, at)
      return entry === undefined ? [] : [{ entry, place: this.#file.placeOf(at) }]
    })
  }

  client(value: unknown, at: Path): ClientEntry | undefined {
    const fields = this.read(at, value, record)
    if (fields === undefined) return undefined
    const { client_secret, client_secret_file, client_secret_expires_at, ...registration } = fields
    const secrets = this.read(at, dropNull({ client_secret, client_secret_file, client_secret_expires_at }), clientSecrets)
    const result = readClientMetadata(registration)
    if ('issues' in result) {
      for (const issue of result.issues) this.fault([...at, ...issue.path], issue.message, issue.key)
      return undefined
    }
    for (const issue of certificateIssues(result.metadata, this.#rules.clientCertificates))
      this.fault([...at, ...issue.path], issue.message)
    const secret = secrets === undefined ? undefined : this.#secret(at, secrets, result.metadata)
    return { metadata: result.metadata, secret }
  }

  resourceServer(value: unknown, at: Path): ResourceServerEntry | undefined {
    return this.read(at, value, resourceServerEntry(this.#rules.issuer))
  }

  account(value: unknown, at: Path): AccountEntry | undefined {
    const fields = this.read(at, value, record)
    if (fields === undefined) return undefined
    if ('password' in fields && this.#rules.environment === 'production') {
      this.fault(at, 'password is for development only: give password_hash, or neither', 'password')
    }
    if ('password' in fields && 'password_hash' in fields) {
      this.fault(at, 'there must not be both password and password_hash', 'password_hash')
    }
    return this.read(at, fields, accountEntry(this.#rules.isUsableHash))
  }

  /** Checks the settings, which are read elsewhere (config/); says whether there are any. */
  settings(content: unknown): boolean {
    const { byVariable, faults } = provisionedSettings(content, (key) => this.#file.placeOf(['settings'], key))
    for (const { name, read, wanted } of faults) {
      const [, key = name, place = ''] = /^(\S+) \((.*)\)$/.exec(name) ?? []
      this.faults.push({ place, message: `${key}: ${read}, ${wanted.startsWith('did you') ? wanted : `wanted ${wanted}`}` })
    }
    return byVariable.size > 0
  }

  /** Of two entries with one name it could not be said which counts. */
  refuseTwins<Entry>(section: string, entries: readonly Placed<Entry>[], nameOf: (entry: Entry) => string): void {
    const seen = new Map<string, string>()
    for (const { entry, place } of entries) {
      const name = nameOf(entry)
      const first = seen.get(name)
      if (first === undefined) seen.set(name, place)
      else this.faults.push({ place, message: `${section}: ${name} is there already, at ${first}` })
    }
  }

  fault(path: Path, message: string, key?: string): void {
    const subject = path.length > 2 ? `${spelt(path.slice(2))}: ` : ''
    this.faults.push({ place: this.#file.placeOf(path, key), message: `${subject}${message}` })
  }

  #faultIf(path: Path, message: string | undefined): void {
    if (message !== undefined) this.fault(path, message)
  }

  #unknownKey(path: Path, key: string, known: readonly string[]): void {
    const nearest = nearestName(key, known)
    this.fault(
      path,
      `there is no ${JSON.stringify(key.slice(0, 80))}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
      key,
    )
  }

  #secret(at: Path, secrets: z.output<typeof clientSecrets>, metadata: ClientMetadata): string | undefined {
    const { client_secret, client_secret_file } = secrets
    if (client_secret !== undefined && client_secret_file !== undefined) {
      this.fault(at, 'there must not be both client_secret and client_secret_file', 'client_secret_file')
    }
    const member = client_secret_file === undefined ? 'client_secret' : 'client_secret_file'
    const secret = client_secret_file === undefined ? client_secret : this.#secretFile(at, client_secret_file)
    if (secret === undefined) return undefined
    if (!metadata.token_endpoint_auth_method.startsWith('client_secret_')) {
      this.fault(at, `a client with token_endpoint_auth_method ${metadata.token_endpoint_auth_method} has no secret`, member)
    }
    this.#faultIf([...at, member], clientSecretFault(secret))
    if (this.#rules.environment === 'production' && isWeakClientSecret(secret)) {
      this.fault([...at, member], 'it is made of a few characters only: make one with "openssl rand -hex 32"')
    }
    return secret
  }

  #secretFile(at: Path, path: string): string | undefined {
    try {
      return readFileSync(resolve(this.#folder, path), 'utf8').replace(/[\r\n]+$/, '')
    } catch (error) {
      this.fault([...at, 'client_secret_file'], `${JSON.stringify(path)} cannot be read (${errorCode(error)})`)
      return undefined
    }
  }
}

/** By their place in the file. */
function inOrder(faults: readonly PlacedFault[]): PlacedFault[] {
  const numbers = ({ place }: PlacedFault) => place.split(':').slice(-2).map(Number)
  return [...faults].sort((one, other) => {
    const [line = 0, column = 0] = numbers(one)
    const [otherLine = 0, otherColumn = 0] = numbers(other)
    return line - otherLine || column - otherColumn
  })
}

/** A value that is not there is told apart from one that is wrong. */
function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  let at = value
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return false
    at = Reflect.get(at, part)
  }
  return at === undefined
}

/** `redirect_uris[1]` */
function spelt(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

function keysOf(schema: z.ZodType): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

function dropNull(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined))
}

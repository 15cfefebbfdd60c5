// The `settings` of the provision file: product policy that stands beside the clients it belongs to. The environment wins over it.
import { readFileSync } from 'node:fs'
import { errorCode, type Fault, nearestName, quoted } from './faults.ts'
import { parsePositioned } from './positioned-yaml.ts'
import { POLICY_PREFIX, settings } from './settings.ts'

/** A setting that stands in a file, as text. */
export interface ProvisionedSetting {
  readonly text: string
  /** `settings.access_token_ttl (provision.yaml:12:3)` */
  readonly name: string
}

/** The policy settings of a file, by their variable. */
export interface ProvisionedSettings {
  readonly byVariable: ReadonlyMap<string, ProvisionedSetting>
  readonly faults: readonly Fault[]
}

/** The policy settings by the keys they have in a provision file. */
const VARIABLES = new Map(
  Object.values(settings)
    .filter((row) => row.variable.startsWith(POLICY_PREFIX))
    .map((row) => [row.variable.slice(POLICY_PREFIX.length).toLowerCase(), row.variable]),
)

/** Reads the `settings` of the file that PROVISION_FILE names. The rest of the file is judged when it is applied. */
export function readProvisionedSettings(file: string): ProvisionedSettings {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return refused(`${quoted(file)}, which cannot be read (${errorCode(error)})`)
  }
  const parsed = parsePositioned(text, file)
  const [first] = parsed.faults
  if (first) return refused(`${quoted(file)}, which is not YAML or JSON (${first.place}: ${first.message})`)
  const content = isRecord(parsed.value) ? parsed.value.settings : undefined
  if (content === undefined || content === null) return { byVariable: new Map(), faults: [] }
  return provisionedSettings(content, (key) => parsed.placeOf(['settings'], key))
}

/** Reads `settings`, wherever they were found. `placeOf` tells where a key stands. */
export function provisionedSettings(content: unknown, placeOf: (key?: string) => string): ProvisionedSettings {
  const byVariable = new Map<string, ProvisionedSetting>()
  const faults: Fault[] = []
  if (!isRecord(content)) {
    faults.push({
      name: `settings (${placeOf()})`,
      read: kindName(content),
      wanted: 'keys with values',
      example: 'settings: { access_token_ttl: 15m }',
    })
    return { byVariable, faults }
  }
  for (const [key, value] of Object.entries(content)) {
    const name = `settings.${key} (${placeOf(key)})`
    const variable = VARIABLES.get(key)
    const text = asText(value)
    if (variable === undefined) faults.push(unknownKey(key, name))
    else if (text === undefined)
      faults.push({ name, read: kindName(value), wanted: 'one value', example: `${key}: ${exampleOf(variable)}` })
    else byVariable.set(variable, { text, name })
  }
  return { byVariable, faults }
}

/** The key of a policy setting in a provision file. */
export function provisionKey(variable: string): string {
  return variable.slice(POLICY_PREFIX.length).toLowerCase()
}

function unknownKey(key: string, name: string): Fault {
  const nearest = nearestName(key, VARIABLES.keys())
  return {
    name,
    read: 'a key that there is not',
    wanted:
      nearest === undefined ? 'one of the LATCHKEY_ settings, in lower case and without the prefix' : `did you mean ${nearest}?`,
    example: `${nearest ?? 'access_token_ttl'}: ${exampleOf(VARIABLES.get(nearest ?? 'access_token_ttl'))}`,
  }
}

function exampleOf(variable: string | undefined): string {
  return Object.values(settings).find((row) => row.variable === variable)?.example ?? ''
}

/** YAML has numbers, booleans and lists where the environment has text. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(',')
  return undefined
}

function refused(read: string): ProvisionedSettings {
  const fault = {
    name: 'PROVISION_FILE',
    read,
    wanted: 'a readable YAML or JSON file',
    example: 'PROVISION_FILE=/etc/latchkey/provision.yaml',
  }
  return { byVariable: new Map(), faults: [fault] }
}

function kindName(value: unknown): string {
  if (value === null) return 'nothing'
  return Array.isArray(value) ? 'a list' : `a ${typeof value === 'object' ? 'mapping' : typeof value}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

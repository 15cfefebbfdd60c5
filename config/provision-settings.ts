// The `settings` of the provision file: product policy that stands beside the clients it belongs to. The environment wins over it.
import { readFileSync } from 'node:fs'
import { errorCode, type Fault, nearestName, quoted } from './faults.ts'
import { parsePositioned } from './positioned-yaml.ts'
import { readValue, type Setting } from './setting.ts'
import { POLICY_PREFIX, settings } from './settings.ts'

/** The policy settings of a file that are right, as text, by their variable. */
export interface ProvisionedSettings {
  readonly byVariable: ReadonlyMap<string, string>
  readonly faults: readonly Fault[]
}

/** The policy settings, by the keys they have in a provision file. */
const ROWS: ReadonlyMap<string, Setting<unknown>> = new Map(
  Object.values(settings)
    .filter((row) => row.variable.startsWith(POLICY_PREFIX))
    .map((row) => [row.variable.slice(POLICY_PREFIX.length).toLowerCase(), row]),
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
  const byVariable = new Map<string, string>()
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
    const row = ROWS.get(key)
    const text = asText(value)
    if (row === undefined) {
      faults.push(unknownKey(key, name))
      continue
    }
    const example = `${key}: ${row.example}`
    if (text === undefined) {
      faults.push({ name, read: kindName(value), wanted: row.wanted, example })
      continue
    }
    const result = readValue(row, text, { name, example })
    if ('fault' in result) faults.push(result.fault)
    else byVariable.set(row.variable, text)
  }
  return { byVariable, faults }
}

function unknownKey(key: string, name: string): Fault {
  const nearest = nearestName(key, ROWS.keys())
  return {
    name,
    read: 'a key that there is not',
    wanted:
      nearest === undefined ? 'one of the LATCHKEY_ settings, in lower case and without the prefix' : `did you mean ${nearest}?`,
    example: `${nearest ?? 'access_token_ttl'}: ${ROWS.get(nearest ?? 'access_token_ttl')?.example}`,
  }
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

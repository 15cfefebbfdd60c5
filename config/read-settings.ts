// Reads the settings from the environment, from the files that hold secrets, and from the provision file; finds every fault.
import { readFileSync } from 'node:fs'
import { errorCode, type Fault, nearestName, quoted } from './faults.ts'
import { type ProvisionedSettings, readProvisionedSettings } from './provision-settings.ts'
import { defaultIn, type Environment, lineFor, readValue, type Setting } from './setting.ts'
import { POLICY_PREFIX, type SettingValues, settings } from './settings.ts'

/** The environment of a process. */
export type Variables = Readonly<Record<string, string | undefined>>

/** Where a value came from. */
export type Source = 'environment' | 'secret file' | 'provision file' | 'default' | 'not set'

/** What was read of one setting, before it is known to be right. */
export interface Reading {
  readonly source: Source
  /** The text; of a secret too, so it is not for printing. */
  readonly text: string | undefined
}

/** All that was read. A value with a fault is missing from `values`. */
export interface Readings {
  readonly environment: Environment
  readonly values: Partial<SettingValues>
  readonly byVariable: ReadonlyMap<string, Reading>
  readonly faults: readonly Fault[]
}

const FILE_SUFFIX = '_FILE'
const LARGEST_SECRET_FILE = 64 * 1024

/** Reads every setting. Nothing is written anywhere. */
export function readSettings(variables: Variables): Readings {
  const faults = unknownNames(variables)
  const provisionFile = present(variables[settings.provisionFile.variable])
  const provisioned = provisionFile === undefined ? undefined : readProvisionedSettings(provisionFile)
  faults.push(...(provisioned?.faults ?? []))

  const environment = environmentOf(variables)
  const values: Record<string, unknown> = {}
  const byVariable = new Map<string, Reading>()
  for (const [name, row] of Object.entries(settings)) {
    const found = find(row, variables, provisioned, environment)
    if ('fault' in found) {
      faults.push(found.fault)
      continue
    }
    byVariable.set(row.variable, found)
    if (found.text === undefined) {
      values[name] = undefined
      continue
    }
    const result = readValue(row, found.text, found)
    if ('fault' in result) faults.push(result.fault)
    else values[name] = result.value
  }
  // The loop goes through the same table that SettingValues is made from; TypeScript cannot follow it there.
  return { environment, values: values as Partial<SettingValues>, byVariable, faults }
}

/** A fault of a setting that has no value. */
export function missing(row: Setting<unknown>, why: string): Fault {
  return { name: row.variable, read: 'nothing', wanted: `${row.wanted} (${why})`, example: lineFor(row) }
}

interface Found extends Reading {
  /** How a fault of the value names it, and a line that would be right there. */
  readonly name: string
  readonly example: string
}

function find(
  row: Setting<unknown>,
  variables: Variables,
  provisioned: ProvisionedSettings | undefined,
  environment: Environment,
): Found | { readonly fault: Fault } {
  const direct = present(variables[row.variable])
  const fileVariable = `${row.variable}${FILE_SUFFIX}`
  const file = row.secret ? present(variables[fileVariable]) : undefined
  if (direct !== undefined && file !== undefined) {
    const example = `${fileVariable}=${exampleFile(row)}`
    return {
      fault: { name: fileVariable, read: `${quoted(file)}, and ${row.variable} as well`, wanted: 'one of the two', example },
    }
  }
  if (direct !== undefined) return { source: 'environment', text: direct, name: row.variable, example: lineFor(row) }
  if (file !== undefined) return readSecretFile(row, fileVariable, file)
  const policy = provisioned?.byVariable.get(row.variable)
  if (policy !== undefined) return { source: 'provision file', text: policy, name: row.variable, example: lineFor(row) }
  const text = defaultIn(environment, row)
  return { source: text === undefined ? 'not set' : 'default', text, name: row.variable, example: lineFor(row) }
}

/** Secrets in files: mounted by container platforms, and not seen in the process's environment. */
function readSecretFile(row: Setting<unknown>, fileVariable: string, file: string): Found | { readonly fault: Fault } {
  const fault = (why: string) => ({
    fault: {
      name: fileVariable,
      read: `${quoted(file)}, which ${why}`,
      wanted: `a file with ${row.wanted}`,
      example: `${fileVariable}=${exampleFile(row)}`,
    },
  })
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return fault(`cannot be read (${errorCode(error)})`)
  }
  if (text.length > LARGEST_SECRET_FILE) return fault('is too large for a secret')
  const secret = text.replace(/[\r\n]+$/, '')
  return secret === ''
    ? fault('is empty')
    : { source: 'secret file', text: secret, name: fileVariable, example: `${fileVariable}=${exampleFile(row)}` }
}

/** A misspelt setting that is silently ignored is a policy that is silently not there. */
function unknownNames(variables: Variables): Fault[] {
  const known = Object.values(settings).flatMap((row) =>
    row.secret ? [row.variable, `${row.variable}${FILE_SUFFIX}`] : [row.variable],
  )
  const policies = known.filter((name) => name.startsWith(POLICY_PREFIX))
  const unknown = Object.keys(variables).filter((name) => name.startsWith(POLICY_PREFIX) && !known.includes(name))
  return unknown.map((name) => {
    const nearest = unprefixed(name, known) ?? nearestName(name, policies, POLICY_PREFIX)
    const row = Object.values(settings).find((candidate) => candidate.variable === nearest)
    return {
      name,
      // The value of a name that is not known may be a secret.
      read: 'a name that there is not (its value is not shown)',
      wanted: nearest === undefined ? 'one of the settings in docs/configuration.md' : `did you mean ${nearest}?`,
      example: row ? lineFor(row) : `unset ${name}`,
    }
  })
}

/** `LATCHKEY_ISSUER` is meant for `ISSUER`. */
function unprefixed(name: string, known: readonly string[]): string | undefined {
  const rest = name.slice(POLICY_PREFIX.length)
  return known.find((candidate) => candidate === rest)
}

/** A wrong NODE_ENV is reported with the rest; until it is put right, what it most likely means decides the rest. */
function environmentOf(variables: Variables): Environment {
  const text = present(variables[settings.environment.variable])
  if (text === undefined) return 'development'
  const exact = settings.environment.schema.safeParse(text)
  if (exact.success) return exact.data
  const nearest = settings.environment.schema.safeParse(nearestName(text, ['development', 'production', 'test']) ?? '')
  return nearest.success ? nearest.data : 'production'
}

function exampleFile(row: Setting<unknown>): string {
  return `/run/secrets/${row.variable.toLowerCase()}`
}

/** An empty variable is as good as none: that is how container platforms pass on what was not set. */
function present(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === undefined || trimmed === '' ? undefined : trimmed
}

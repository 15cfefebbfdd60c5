// What a setting is: one row of the table in settings.ts.
import type { z } from 'zod'
import { type Fault, quoted } from './faults.ts'

/** How the program is run. `test` behaves as `development`, save that ports may be 0. */
export type Environment = 'development' | 'production' | 'test'

/** A row of the table. */
export interface Setting<Value> {
  readonly variable: string
  /** Reads the text of the variable. The message of an issue, if any, is a detail fit to be printed. */
  readonly schema: z.ZodType<Value, string>
  /** What is accepted, in words: for fault messages and the documentation. */
  readonly wanted: string
  /** What the value is counted in, where it is a length of time. */
  readonly unit?: 'seconds'
  /** The text that stands for a missing variable, where there is one. */
  readonly defaultText: Defaults
  /** How a missing variable is made up, where the default is not a text. */
  readonly otherwise?: string
  readonly meaning: string
  /** A value that is right. That of a secret is a sample which production refuses. */
  readonly example: string
  /** Secrets are never printed, and may be given as a file by `NAME_FILE`. */
  readonly secret: boolean
  /** The command that makes a value, for those that must be random. */
  readonly makeWith?: string
}

/** The default for each environment; `test` uses that of development. */
export interface Defaults {
  readonly development?: string
  readonly production?: string
}

/** What a row of the table says of itself. */
export interface Description<Value> {
  readonly variable: string
  readonly kind: ValueKind<Value>
  readonly meaning: string
  readonly example: string
}

/** A kind of value: how it is read, and what is accepted in words. */
export interface ValueKind<Value> {
  readonly schema: z.ZodType<Value, string>
  readonly wanted: string
  readonly unit?: 'seconds'
}

/** A setting that always has a value, since it has a default. */
export function setting<Value>(row: Description<Value> & { readonly default: string | Required<Defaults> }): Setting<Value> {
  const defaultText = typeof row.default === 'string' ? { development: row.default, production: row.default } : row.default
  return { ...common(row), defaultText, secret: false }
}

/** A setting that may be missing. */
export function optionalSetting<Value>(
  row: Description<Value> & { readonly otherwise?: string; readonly secret?: boolean; readonly makeWith?: string },
): Setting<Value | undefined> {
  const { otherwise, makeWith, secret = false } = row
  return { ...common(row), defaultText: {}, secret, ...(otherwise && { otherwise }), ...(makeWith && { makeWith }) }
}

/** The line that sets a variable rightly. */
export function lineFor(row: Setting<unknown>): string {
  return `${row.variable}=${row.makeWith === undefined ? row.example : `$(${row.makeWith})`}`
}

/** The message of an issue that has nothing to add to what is wanted. */
export const NO_DETAIL = '-'

/** Reads a text. `at` is how a fault names it, and a line that would be right there. */
export function readValue(
  row: Setting<unknown>,
  text: string,
  at: { readonly name: string; readonly example: string },
): { readonly value: unknown } | { readonly fault: Fault } {
  const result = row.schema.safeParse(text)
  if (result.success) return { value: result.data }
  const detail = result.error.issues[0]?.message ?? NO_DETAIL
  const shown = row.secret ? '[redacted]' : quoted(text)
  // Named one by one: `at` may have more in it, such as the text of a secret.
  const { name, example } = at
  return { fault: { name, read: detail === NO_DETAIL ? shown : `${shown}: ${detail}`, wanted: row.wanted, example } }
}

/** The default text of a setting in an environment. */
export function defaultIn(environment: Environment, row: Setting<unknown>): string | undefined {
  return environment === 'production' ? row.defaultText.production : row.defaultText.development
}

function common<Value>({ variable, kind, meaning, example }: Description<Value>) {
  const { schema, wanted, unit } = kind
  return { variable, schema, wanted, meaning, example, ...(unit && { unit }) }
}

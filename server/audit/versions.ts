// Versions of what can be changed: whoever changes something says which version they have seen, and is told when there is another.
import { createHash } from 'node:crypto'

/** It has been changed since whoever would change it has looked at it. */
export class ChangedMeanwhile extends Error {
  override readonly name = 'ChangedMeanwhile'
}

/** A digest of what something is now. The order of members does not matter, that of entries does. */
export function versionOf(value: unknown): string {
  const text = JSON.stringify(value, (_name, member: unknown) => (isRecord(member) ? inOrder(member) : member))
  return createHash('sha256').update(text).digest('base64url').slice(0, 27)
}

/**
 * To be asked under the lock of what is about to be changed.
 * @param seen undefined: whichever version there is
 * @throws ChangedMeanwhile
 */
export function checkVersion(current: string, seen: string | undefined): void {
  if (seen !== undefined && seen !== current) throw new ChangedMeanwhile('it has been changed meanwhile')
}

function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function inOrder(record: { readonly [name: string]: unknown }): { readonly [name: string]: unknown } {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)))
}

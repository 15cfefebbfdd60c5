// The demo's passwords and client secrets: made once, and kept in a file of DATA_DIR that only its owner can read, so that
// they stay the same from start to start.
import { randomBytes, randomInt } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makeFolder } from '../../config/folders.ts'
import { generateClientSecret } from '../clients/client-secrets.ts'

/** What the file has in it. */
export interface DemoSecrets {
  /** By e-mail address. */
  readonly passwords: Readonly<Record<string, string>>
  /** By client_id. */
  readonly clientSecrets: Readonly<Record<string, string>>
}

/** Its name in DATA_DIR. */
const DEMO_FILE = 'demo.json'

const content = z.object({
  passwords: z.record(z.string(), z.string().min(1)),
  clientSecrets: z.record(z.string(), z.string().min(32)),
})

/** Reads the file. One that is missing or damaged has nothing in it: everything is made anew. */
export async function readDemoSecrets(dataDir: string): Promise<DemoSecrets> {
  try {
    return content.parse(JSON.parse(await readFile(join(dataDir, DEMO_FILE), 'utf8')))
  } catch {
    return { passwords: {}, clientSecrets: {} }
  }
}

/** Adds what is missing for these accounts and clients, and leaves out what belongs to others. */
export function completeDemoSecrets(
  kept: DemoSecrets,
  wanted: { readonly emails: readonly string[]; readonly clientIds: readonly string[]; readonly passwordMinLength: number },
): DemoSecrets {
  const password = (email: string) => kept.passwords[email] ?? generatePassword(wanted.passwordMinLength)
  const clientSecret = (id: string) => kept.clientSecrets[id] ?? generateClientSecret()
  return {
    passwords: Object.fromEntries(wanted.emails.map((email) => [email, password(email)])),
    clientSecrets: Object.fromEntries(wanted.clientIds.map((id) => [id, clientSecret(id)])),
  }
}

/** Replaces the file in one step, so that nobody ever reads half of it. */
export async function writeDemoSecrets(dataDir: string, secrets: DemoSecrets): Promise<void> {
  makeFolder(dataDir)
  const draft = join(dataDir, `${DEMO_FILE}.${randomBytes(6).toString('hex')}`)
  await writeFile(draft, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' })
  await rename(draft, join(dataDir, DEMO_FILE))
}

/** Four groups of four characters, none of which is easily taken for another: 79 bits, and easy to type. */
function generatePassword(minLength: number): string {
  const group = () => Array.from({ length: 4 }, () => LETTERS[randomInt(LETTERS.length)]).join('')
  const groups = Math.max(4, Math.ceil((minLength + 1) / 5))
  return Array.from({ length: groups }, group).join('-')
}

const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'

// The keys of development: made once and kept in DATA_DIR, so that a bare machine needs no settings and sign-ins outlive a restart.
import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { errorCode } from './faults.ts'
import { makeFolder, unusableDataFolder } from './folders.ts'

const FILE_NAME = 'development-secrets.json'

const fileSchema = z.strictObject({ encryptionKey: z.string().regex(/^[\w-]{43}$/), cookieKey: z.string().min(32) })

export type DevelopmentSecrets = z.infer<typeof fileSchema>

/**
 * Reads the keys of a data directory, or makes them. Two processes that start at once end up with the same keys.
 * @throws ConfigError when the directory cannot be written or the file is not one of ours
 */
export function developmentSecrets(dataDir: string): DevelopmentSecrets {
  const file = join(dataDir, FILE_NAME)
  const found = read(file)
  if (found) return found
  const made = { encryptionKey: randomBytes(32).toString('base64url'), cookieKey: randomBytes(32).toString('base64url') }
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    makeFolder(dataDir)
    writeFileSync(draft, `${JSON.stringify(made)}\n`, { mode: 0o600, flag: 'wx' })
    // A link is made whole or not at all, and never over a file that is there.
    linkSync(draft, file)
    return made
  } catch (error) {
    const winner = errorCode(error) === 'EEXIST' ? read(file) : undefined
    if (winner) return winner
    throw unusableDataFolder(`a folder that cannot be written (${errorCode(error)})`, 'a folder of this user', dataDir)
  } finally {
    rmSync(draft, { force: true })
  }
}

function read(file: string): DevelopmentSecrets | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw unusableDataFolder(`a folder whose ${FILE_NAME} cannot be read (${errorCode(error)})`, 'a folder of this user', file)
  }
  try {
    return fileSchema.parse(JSON.parse(text))
  } catch {
    throw unusableDataFolder(
      `a folder whose ${FILE_NAME} is damaged`,
      `the folder with that file restored, or deleted together with the database beside it`,
      file,
    )
  }
}

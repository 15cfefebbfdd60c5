// Tells the operator about the setup link while there is no owner: an address to be printed, and a file that only the
// server's own user can read.
import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { types } from 'node:util'
import { makeFolder } from '../../config/folders.ts'
import type { SetupLinks } from '../accounts/setup-links.ts'

/** Where the first owner is made. */
export const SETUP_PATH = '/setup'

const FILE_NAME = 'setup-link.txt'

/** A link that was just made. */
export interface SetupAnnouncement {
  /** Holds the secret: print it for the operator, and write it nowhere else. */
  readonly url: string
  readonly expiresAt: Date
  /** Where it was written as well; undefined when the data directory cannot be written to. */
  readonly file: string | undefined
}

/** Makes a link if there is no owner; undefined, and no file is left over, when there is one. */
export async function announceSetupLink(deps: {
  readonly links: Pick<SetupLinks, 'ownerExists' | 'issue'>
  readonly dataDir: string
  readonly issuer: string
}): Promise<SetupAnnouncement | undefined> {
  const { links, dataDir, issuer } = deps
  if (await links.ownerExists()) {
    await removeSetupLinkFile(dataDir)
    return undefined
  }
  const { token, expiresAt } = await links.issue()
  const url = `${issuer}${SETUP_PATH}?token=${token}`
  return { url, expiresAt, file: await writeSetupLinkFile(dataDir, url) }
}

/** Removes the file: the link in it has been used. */
export async function removeSetupLinkFile(dataDir: string): Promise<void> {
  await unlessReadOnly(() => rm(join(dataDir, FILE_NAME), { force: true }))
}

async function writeSetupLinkFile(dataDir: string, url: string): Promise<string | undefined> {
  const file = join(dataDir, FILE_NAME)
  const written = await unlessReadOnly(async () => {
    makeFolder(dataDir)
    // A new file in its place: an old one might be open to others, and would keep its mode.
    const fresh = `${file}.${randomBytes(6).toString('hex')}`
    await writeFile(fresh, `${url}\n`, { mode: 0o600, flag: 'wx' })
    await rename(fresh, file)
  })
  return written ? file : undefined
}

/** False when the place cannot be written to: with a database elsewhere the server needs no directory, and goes on without. */
async function unlessReadOnly(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (types.isNativeError(error) && 'code' in error && /^(EACCES|EPERM|EROFS|ENOTDIR|ENOENT|EEXIST)$/.test(String(error.code)))
      return false
    throw error
  }
}

// Folders that the program makes for itself. Node's own way to make a folder with all above it never comes back where nothing can be
// made although the parent is there, such as in /proc.
import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ConfigError, errorCode } from './faults.ts'

/** Makes a folder that only this user reads, and those above it. @throws an error of the file system when it cannot be made */
export function makeFolder(path: string): void {
  const folder = resolve(path)
  if (isFolder(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) makeFolder(parent)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (errorCode(error) !== 'EEXIST' || !isFolder(folder)) throw error
  }
}

/** The same for DATA_DIR. @throws ConfigError */
export function makeDataFolder(dataDir: string): void {
  try {
    makeFolder(dataDir)
  } catch (error) {
    throw unusableDataFolder(`a folder that cannot be made (${errorCode(error)})`, 'a folder of this user', dataDir)
  }
}

/** What to say of a DATA_DIR that cannot be used. */
export function unusableDataFolder(read: string, wanted: string, where: string): ConfigError {
  return new ConfigError([{ name: 'DATA_DIR', read: `${read}: ${where}`, wanted, example: 'DATA_DIR=./.data' }])
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

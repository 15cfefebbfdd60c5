// The lock of a directory that one process at a time may use: a file beside it that names the process.
import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'

/** Another process uses the directory. */
export class DataDirectoryBusy extends Error {
  override readonly name = 'DataDirectoryBusy'
  readonly pid: number

  constructor(directory: string, pid: number) {
    super(`The data directory ${directory} is in use by process ${pid}: stop that process, or set DATA_DIR to another directory.`)
    this.pid = pid
  }
}

/** Who holds a lock. Process numbers are given again, so the time of the start is part of who it is. */
interface Holder {
  readonly pid: number
  /** Empty where the system does not tell. */
  readonly started: string
  /** Random: names this holding and no other. */
  readonly nonce: string
}

/**
 * Takes the lock at `path`, also from a process that died without giving it back.
 *
 * @param directory the one that is guarded, for the message
 * @returns gives the lock back
 * @throws DataDirectoryBusy
 */
export async function lockDirectory(path: string, directory: string): Promise<() => Promise<void>> {
  const own: Holder = { pid: process.pid, started: await startOf(process.pid), nonce: randomBytes(12).toString('hex') }
  const draft = `${path}.${own.nonce}`
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 })
  try {
    // A link appears with its content in one step, and fails when the name is taken.
    while (!(await appears(draft, path))) await takeOver(draft, path, directory)
  } finally {
    await rm(draft, { force: true })
  }
  return async () => {
    if ((await holderAt(path))?.nonce === own.nonce) await rm(path, { force: true })
  }
}

/**
 * Removes the lock of a dead process. Of several that try, one may: whoever first claims that very holding (by its nonce). Who
 * claims it late finds another holding there, or none, and lets go; a claimant that died is dealt with as a dead holder is.
 */
async function takeOver(draft: string, path: string, directory: string): Promise<void> {
  const holder = await holderAt(path)
  if (holder === undefined) return
  if (await isAlive(holder)) throw new DataDirectoryBusy(directory, holder.pid)
  const claim = `${path}.after-${holder.nonce}`
  while (!(await appears(draft, claim))) await takeOver(draft, claim, directory)
  try {
    if ((await holderAt(path))?.nonce === holder.nonce) await rm(path, { force: true })
  } finally {
    await rm(claim, { force: true })
  }
}

async function appears(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function holderAt(path: string): Promise<Holder | undefined> {
  try {
    const holder: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof holder !== 'object' || holder === null) return NOBODY
    const { pid, started, nonce } = holder as Record<string, unknown>
    if (typeof pid !== 'number' || typeof started !== 'string' || typeof nonce !== 'string') return NOBODY
    return { pid, started, nonce: nonce.replace(/[^0-9a-f]/g, '') }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (error instanceof SyntaxError) return NOBODY
    throw error
  }
}

/** A lock file that nobody of ours wrote. */
const NOBODY: Holder = { pid: 0, started: '', nonce: '0' }

async function isAlive({ pid, started }: Holder): Promise<boolean> {
  if (pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  const startedNow = await startOf(pid)
  if (started !== '' && startedNow !== '') return startedNow === started
  // In a container every program is process 1: without a time of start, our own number is an earlier life of ours.
  return pid !== process.pid
}

/** When a process was started, as Linux tells it: the boot, and ticks since then. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    // The name of the program stands in parentheses and may hold anything; the start is the 20th field after it.
    return `${boot.trim()} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`
  } catch {
    return ''
  }
}

function codeOf(error: unknown): unknown {
  return Error.isError(error) && 'code' in error ? error.code : undefined
}

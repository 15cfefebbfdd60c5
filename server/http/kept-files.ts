// Files that were made for somebody to take home and are too long for the page that tells of them: kept for an hour, sealed, and given to
// whoever they were made for and to nobody else.
import { randomBytes } from 'node:crypto'
import type { LiveStore } from '../storage/live-store.ts'

/** Keeps files. */
export interface KeptFiles {
  /** Keeps one, and tells what it is found by. */
  keep(accountId: string, text: string): Promise<string>
  /** Undefined when it is not there any more, or is somebody else's. */
  find(accountId: string, id: string): Promise<string | undefined>
}

/** Long enough to read the page first. */
const KEPT_SECONDS = 3600

const MODEL = 'KeptFile'

/** Makes it. */
export function createKeptFiles({ live }: { readonly live: Pick<LiveStore, 'put' | 'find'> }): KeptFiles {
  return {
    async keep(accountId, text) {
      const id = randomBytes(16).toString('base64url')
      await live.put({ model: MODEL, id, payload: { accountId, text }, ttlSeconds: KEPT_SECONDS })
      return id
    },

    async find(accountId, id) {
      const found = await live.find(MODEL, id)
      return found !== undefined && found.accountId === accountId ? String(found.text) : undefined
    },
  }
}

// The revocation list as server-sent events (WHATWG HTML, "Server-sent events"): what goes over the wire, and nothing else.
import type { WrittenRevocation } from '../tokens/revocations.ts'

/** The first thing that a listener gets: how long to wait before it comes again, in milliseconds. */
export const RETRY_FRAME = 'retry: 1000\n\n'

/** Says that what has been told cannot be gone on from: the snapshot is to be taken again. The stream ends after it. */
export const RESET_FRAME = 'event: reset\ndata: {}\n\n'

/** Says up to which number the listener knows everything, as of now. */
export function heartbeatFrame(sequence: number): string {
  return `event: heartbeat\ndata: ${JSON.stringify({ sequence })}\n\n`
}

/** Entries, each an event of its own whose id is the entry's number. */
export function entryFrames(entries: readonly WrittenRevocation[]): string {
  return entries.map((entry) => `id: ${entry.sequence}\ndata: ${JSON.stringify(entry)}\n\n`).join('')
}

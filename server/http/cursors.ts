// Cursors: where the next page of a list begins. They carry the place themselves, so that nothing has to be kept, and are signed, so
// that nobody makes one up, or takes one from another list or another filter.
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { HttpProblem } from './problems.ts'

/** A place in a list: what its items are sorted by. */
export type CursorPlace = readonly (string | number)[]

/** Writes and reads cursors. */
export interface Cursors {
  /** @param list the list with its filter, as text: the cursor is good for that one only */
  write(list: string, place: CursorPlace): string
  /** @throws HttpProblem 400 when the cursor was not made here for this list */
  read(list: string, cursor: string): CursorPlace
}

const MAC_BYTES = 16

/** Makes them. `key` is a key of the server that is used for nothing else. */
export function createCursors({ key: bytes }: { readonly key: Uint8Array }): Cursors {
  const key = createSecretKey(bytes)
  const macOf = (list: string, text: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([list, text]))
      .digest()
      .subarray(0, MAC_BYTES)
  return {
    write(list, place) {
      const text = JSON.stringify(place)
      return Buffer.concat([macOf(list, text), Buffer.from(text)]).toString('base64url')
    },

    read(list, cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const text = bytes.subarray(MAC_BYTES).toString()
      const genuine = bytes.length > MAC_BYTES && timingSafeEqual(bytes.subarray(0, MAC_BYTES), macOf(list, text))
      // One way to write each: what base64url passes over is no part of a cursor.
      if (!genuine || bytes.toString('base64url') !== cursor) throw foreignCursor()
      return JSON.parse(text) as CursorPlace
    },
  }
}

function foreignCursor(): HttpProblem {
  const detail = 'The cursor is not one of this list with this filter. Begin again without it.'
  return new HttpProblem(400, 'No such cursor', detail, { type: 'invalid-cursor' })
}

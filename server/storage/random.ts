// Random bytes from a supply. Node asks its generator anew for each handful, which takes thirty times as long, and every refresh and
// everything that is sealed wants some.
import { randomFillSync } from 'node:crypto'

const SUPPLY_BYTES = 4096

const supply = Buffer.allocUnsafeSlow(SUPPLY_BYTES)
let used = SUPPLY_BYTES

/**
 * Random bytes that nobody else has been given, fit for keys and tokens.
 * @param length at most 4096
 * @throws RangeError when it is more
 */
export function randomBytes(length: number): Buffer<ArrayBuffer> {
  if (length > SUPPLY_BYTES) throw new RangeError(`There are ${SUPPLY_BYTES} random bytes at most, not ${length}.`)
  if (used + length > SUPPLY_BYTES) {
    randomFillSync(supply)
    used = 0
  }
  const bytes = Buffer.from(supply.subarray(used, used + length))
  // What has been given away is not kept.
  supply.fill(0, used, used + length)
  used += length
  return bytes
}

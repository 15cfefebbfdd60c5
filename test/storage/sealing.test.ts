// Sealing: only whole, only in its place, only under a key that is there.
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { Secret } from '../../config/secrets.ts'
import { createSealer, UnsealError } from '../../server/storage/sealing.ts'

const key = () => new Secret(randomBytes(32).toString('base64url'))

describe('sealing', () => {
  const sealer = createSealer([key()])

  test('what was sealed is opened, text and bytes, the empty ones too', () => {
    for (const plain of ['', 'ü secret', randomBytes(100_000)]) {
      expect(sealer.open(sealer.seal(plain, 'here'), 'here')).toEqual(Buffer.from(plain))
    }
  })

  test('the same is sealed differently each time, and shows nothing', () => {
    const [one, two] = [sealer.seal('a planted secret', 'here'), sealer.seal('a planted secret', 'here')]
    expect(one.equals(two)).toBe(false)
    expect(one.includes('planted')).toBe(false)
  })

  test('a value that was changed in any byte, cut or made longer is refused', () => {
    const sealed = sealer.seal('text', 'here')
    for (let index = 0; index < sealed.length; index++) {
      const changed = Buffer.from(sealed)
      changed[index] = (changed[index] ?? 0) ^ 1
      expect(() => sealer.open(changed, 'here')).toThrow(UnsealError)
      expect(() => sealer.open(sealed.subarray(0, index), 'here')).toThrow(UnsealError)
    }
    expect(() => sealer.open(Buffer.concat([sealed, Buffer.alloc(1)]), 'here')).toThrow(UnsealError)
  })

  test('ST2 a value in the place of another is refused', () => {
    const sealed = sealer.seal('the key of row 1', 'signing_keys/1')
    expect(() => sealer.open(sealed, 'signing_keys/2')).toThrow(UnsealError)
    expect(() => sealer.open(sealed, '')).toThrow(UnsealError)
  })

  test('a failure tells nothing of the value', () => {
    const sealed = sealer.seal('a planted secret', 'row 17')
    expect(() => sealer.open(sealed, 'row 18')).not.toThrow(/planted|row/)
  })
})

describe('several keys', () => {
  const [old, young] = [key(), key()]
  const before = createSealer([old])
  const between = createSealer([young, old])
  const after = createSealer([young])

  test('the first seals, all open', () => {
    const sealedBefore = before.seal('text', 'here')
    const sealedBetween = between.seal('text', 'here')
    expect(between.open(sealedBefore, 'here').toString()).toBe('text')
    expect(after.open(sealedBetween, 'here').toString()).toBe('text')
    expect(() => before.open(sealedBetween, 'here')).toThrow(UnsealError)
    expect(() => after.open(sealedBefore, 'here')).toThrow(/under a key that is not there/)
  })

  test('derived keys are of one purpose and one key', () => {
    expect(before.derive('one')).toHaveLength(32)
    expect(before.derive('one')).toEqual(createSealer([old]).derive('one'))
    expect(before.derive('one')).not.toEqual(before.derive('two'))
    expect(before.derive('one')).not.toEqual(after.derive('one'))
    expect(between.derive('one')).toEqual(after.derive('one'))
    expect(between.deriveAll('one')).toEqual([after.derive('one'), before.derive('one')])
    expect(before.derive('one').toString('base64url')).not.toBe(old.reveal())
  })

  test('none at all, and one of another length, are refused', () => {
    expect(() => createSealer([])).toThrow()
    expect(() => createSealer([new Secret(randomBytes(16).toString('base64url'))])).toThrow()
  })
})

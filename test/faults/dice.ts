// Chance that can be repeated: everything that a fault run decides comes from its seed.
import { createHash } from 'node:crypto'

/** Decides. */
export interface Dice {
  /** From 0 up to, and without, 1. */
  roll(): number
  /** A whole number, both ends included. */
  between(least: number, most: number): number
  chance(probability: number): boolean
  pick<Item>(items: readonly [Item, ...Item[]]): Item
  /** One of the names, each as often as its weight says. */
  weighted<Name extends string>(weights: { readonly [name in Name]: number }): Name
  /** Dice of their own for one part of the run, so that what the others do does not change what it decides. */
  for(part: string): Dice
}

/** Makes dice. */
export function createDice(seed: string): Dice {
  let state = createHash('sha256').update(seed).digest().readUInt32LE()
  // mulberry32: small, and good enough to choose with.
  const roll = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    roll,
    between: (least, most) => least + Math.floor(roll() * (most - least + 1)),
    chance: (probability) => roll() < probability,
    pick: (items) => items[Math.floor(roll() * items.length)] ?? items[0],
    weighted(weights) {
      const entries = Object.entries<number>(weights)
      let left = roll() * entries.reduce((total, [, weight]) => total + weight, 0)
      const found = entries.find(([, weight]) => {
        left -= weight
        return left < 0
      })
      // The names of the object are those of its type.
      return (found ?? entries[0] ?? [''])[0] as keyof typeof weights
    },
    for: (part) => createDice(`${seed}/${part}`),
  }
}

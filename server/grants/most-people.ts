// Of many people, those who have the most of what is to end: the ones whose names a preview shows.
import type { Database } from '../storage/postgres.ts'

/** Somebody, and how many they have. */
export interface Holder {
  readonly id: string
  readonly email: string
  readonly many: number
}

/** The first of them; it is decided who that is before anything is read of anybody. @param held how many each has, by account */
export async function mostPeople(db: Database, held: ReadonlyMap<string, number>, limit: number): Promise<Holder[]> {
  const few = [...held].sort(([one, ofOne], [other, ofOther]) => ofOther - ofOne || (one < other ? -1 : 1)).slice(0, limit)
  const people = await db.account.findMany({ where: { id: { in: few.map(([id]) => id) } }, select: { id: true, email: true } })
  return people
    .map(({ id, email }) => ({ id, email, many: held.get(id) ?? 0 }))
    .sort((one, other) => other.many - one.many || (one.email < other.email ? -1 : 1))
}

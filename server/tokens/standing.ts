// Whether a client still has what it was given. One row can say that everything up to a moment is void, so that a client with
// a hundred thousand grants ends as fast as one with none; the rows of its grants are ended afterwards.
import { Prisma } from '../../prisma/client/client.ts'

/** Whether the client `c` is active, and what it was given at the time `given` (a column) is not void. */
export function clientStands(given: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(c.status = 'active' AND ${isNotVoid(given)})`
}

/** Whether what the client `c` was given at the time `given` (a column) is not void, be the client active or not. */
export function isNotVoid(given: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(c.void_until IS NULL OR ${given} > c.void_until)`
}

/** The time at which the grant `g` was given. */
export const GRANT_GIVEN = Prisma.sql`g.created_at`

// The library hands payloads over as loose objects; what is stored of them is plain JSON.
import type { Prisma } from '../../prisma/client/client.ts'

/** The JSON of a payload: members without a value are left out, as JSON does. */
export function jsonOf(payload: object): Prisma.InputJsonObject {
  return JSON.parse(JSON.stringify(payload)) as Prisma.InputJsonObject
}

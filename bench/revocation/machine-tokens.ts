// Tokens to revoke.

import { openConnection } from '../load/connection.ts'
import { type Endpoints, expectStatus } from '../scenarios/scenario.ts'
import { clientCredentialsRequest } from '../scenarios/tokens.ts'
import { NOTES } from '../the-world.ts'

/** Access tokens of a client that acts for itself, for the API that takes JWTs. */
export async function obtainAsMachine(endpoints: Endpoints, count: number): Promise<string[]> {
  const connection = await openConnection(endpoints.issuer)
  const request = clientCredentialsRequest(endpoints, NOTES)
  const tokens: string[] = []
  while (tokens.length < count) {
    const answer = await connection.send(request)
    expectStatus(answer, 200)
    tokens.push(String(JSON.parse(answer.body).access_token))
  }
  connection.close()
  return tokens
}

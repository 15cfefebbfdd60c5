// What an administrator's click does to a token: the access token is revoked at the authorization server, and then shown to each
// copy of the API until it is refused. The token itself does not change; it would be good for minutes yet.

/** No copy takes longer than this, in milliseconds, or something is wrong. */
const PATIENCE = 10_000

/**
 * Revokes the access token (RFC 7009), and finds out how long each copy of the API went on taking it.
 * @returns for each copy the milliseconds from the server's answer to the refusal; undefined when it was never refused
 */
export async function revokeAccessToken({ manager, config, user }) {
  const token = user.access_token
  // Connections are open before the clock runs.
  await Promise.all(config.apis.map((api) => isTaken(api, token)))
  const answer = await fetch(await manager.metadataService.getRevocationEndpoint(), {
    method: 'POST',
    body: new URLSearchParams({ client_id: config.client_id, token, token_type_hint: 'access_token' }),
  })
  if (!answer.ok) throw new Error(`The authorization server answered ${answer.status} to the revocation.`)
  const revokedAt = performance.now()
  return Promise.all(config.apis.map((api) => untilRefused(api, token, revokedAt)))
}

async function untilRefused(api, token, revokedAt) {
  while (performance.now() - revokedAt < PATIENCE) {
    if (!(await isTaken(api, token))) return Math.round(performance.now() - revokedAt)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function isTaken(api, token) {
  return (await fetch(`${api}/notes`, { headers: { authorization: `Bearer ${token}` } })).status !== 401
}

/** What each copy of the API says of itself: up to which revocation it refuses, and how sure it is. Undefined when it is silent. */
export function statusOfCopies({ apis }) {
  return Promise.all(
    apis.map(async (api) => {
      try {
        return await (await fetch(`${api}/status`)).json()
      } catch {
        return undefined
      }
    }),
  )
}

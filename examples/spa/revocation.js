// How soon APIs refuse a token that was revoked, whoever did it and wherever: in this page, in the console of the authorization server,
// by a program. The token itself does not change; it would be good for minutes yet.

/** No copy takes longer than this, in milliseconds, or something is wrong. */
const PATIENCE = 10_000

/** Revokes the access token (RFC 7009), which the app itself may do. */
export async function revokeAccessToken({ manager, config, user }) {
  const answer = await fetch(await manager.metadataService.getRevocationEndpoint(), {
    method: 'POST',
    body: new URLSearchParams({ client_id: config.client_id, token: user.access_token, token_type_hint: 'access_token' }),
  })
  if (!answer.ok) throw new Error(`The authorization server answered ${answer.status} to the revocation.`)
}

/** Shows a token to a copy of the API until it is refused. @returns whether it was */
export async function untilRefused(copies, api, token) {
  const since = performance.now()
  while (performance.now() - since < PATIENCE) {
    if ((await copies.show(api, token)) !== undefined) return true
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return false
}

/** The copies of the API, and which of them refuse a token. */
export function createCopies({ apis }) {
  /** By token and copy: what was refused once stays refused. */
  const refusals = new Map()

  /**
   * Shows a token to a copy. It is undefined while the copy takes it; `afterMs` is from when on it refuses the token, in milliseconds after
   * the revocation, as the copy itself says: the time of the entry in PostgreSQL, and that at which the copy had it.
   */
  async function show(api, token) {
    const name = `${api} ${token}`
    if (!refusals.has(name)) {
      const answer = await fetch(`${api}/notes`, { headers: { authorization: `Bearer ${token}` } })
      if (answer.status !== 401) return undefined
      refusals.set(name, { afterMs: (await answer.json()).refused_after_ms })
    }
    return refusals.get(name)
  }

  /** What a copy says of itself, up to which revocation it refuses and how sure it is, and what it says of the token. */
  async function ask(api, token) {
    try {
      const status = await (await fetch(`${api}/status`)).json()
      return { ...status, refusal: await show(api, token) }
    } catch {
      return undefined
    }
  }

  return { show, ask: (token) => Promise.all(apis.map((api) => ask(api, token))) }
}

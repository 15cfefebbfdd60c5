// The adapter of the bare library that costs the least: a plain Map. The library's own copies the list of a grant's tokens
// with every token, so it slows down as a chain of refresh tokens grows, and would flatter whoever stands beside it.

import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

interface Kept {
  readonly payload: AdapterPayload
  readonly expiresAt: number
}

/** Makes the adapters of one provider. Nothing outlives the process, and nothing is written anywhere. */
export function createMapAdapters(): AdapterFactory {
  const tokensOfGrants = new Map<string, Map<string, Map<string, Kept>>>()
  return (model) => createMapAdapter(new Map(), (grantId) => memberOf(tokensOfGrants, grantId), model === 'Grant')
}

function createMapAdapter(
  kept: Map<string, Kept>,
  tokensOf: (grantId: string) => Map<string, Map<string, Kept>>,
  isGrant: boolean,
): Adapter {
  const idOfUid = new Map<string, string>()
  const find = async (id: string) => {
    const found = kept.get(id)
    return found !== undefined && found.expiresAt > Date.now() ? found.payload : undefined
  }
  return {
    async upsert(id, payload, expiresIn) {
      kept.set(id, { payload, expiresAt: expiresIn ? Date.now() + expiresIn * 1000 : Number.POSITIVE_INFINITY })
      if (payload.uid !== undefined) idOfUid.set(payload.uid, id)
      if (payload.grantId !== undefined && !isGrant) tokensOf(payload.grantId).set(id, kept)
    },
    find,
    findByUid: async (uid) => find(idOfUid.get(uid) ?? ''),
    findByUserCode: async () => undefined,
    async consume(id) {
      const found = kept.get(id)
      if (found !== undefined) found.payload.consumed = Math.floor(Date.now() / 1000)
    },
    async destroy(id) {
      const grantId = kept.get(id)?.payload.grantId
      kept.delete(id)
      if (grantId !== undefined && !isGrant) tokensOf(grantId).delete(id)
    },
    async revokeByGrantId(grantId) {
      const tokens = tokensOf(grantId)
      for (const [id, model] of tokens) model.delete(id)
      tokens.clear()
    },
  }
}

function memberOf<Value>(map: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  let member = map.get(key)
  if (member === undefined) {
    member = new Map()
    map.set(key, member)
  }
  return member
}

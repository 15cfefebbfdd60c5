// The adapter on Redis that the library's own example shows, step by step: a key for each thing, a hash where it can be
// consumed, a list of each grant's tokens, MULTI around what belongs together. Commands of one turn share a round trip.

import { Redis } from 'ioredis'
import type { Adapter, AdapterFactory } from 'oidc-provider'

const CONSUMABLE = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode'])
const OF_A_GRANT = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode'])

/** Makes the adapters of one provider. */
export function createRedisAdapters(url: string): AdapterFactory {
  const client = new Redis(url, { enableAutoPipelining: true })
  return (model) => createRedisAdapter(client, model)
}

function createRedisAdapter(client: Redis, model: string): Adapter {
  const keyOf = (id: string) => `oidc:${model}:${id}`
  const find = async (id: string) => {
    const data = CONSUMABLE.has(model) ? await client.hgetall(keyOf(id)) : await client.get(keyOf(id))
    if (data === null) return undefined
    if (typeof data === 'string') return JSON.parse(data)
    const { payload, ...marks } = data
    return payload === undefined ? undefined : { ...marks, ...JSON.parse(payload) }
  }
  return {
    async upsert(id, payload, expiresIn) {
      const key = keyOf(id)
      const text = JSON.stringify(payload)
      const multi = client.multi()
      if (CONSUMABLE.has(model)) multi.hmset(key, { payload: text })
      else multi.set(key, text)
      if (expiresIn) multi.expire(key, expiresIn)
      if (OF_A_GRANT.has(model) && payload.grantId !== undefined) {
        const tokens = tokensKey(payload.grantId)
        multi.rpush(tokens, key)
        if (expiresIn && expiresIn > (await client.ttl(tokens))) multi.expire(tokens, expiresIn)
      }
      if (payload.uid !== undefined) {
        multi.set(uidKey(payload.uid), id)
        if (expiresIn) multi.expire(uidKey(payload.uid), expiresIn)
      }
      await multi.exec()
    },
    find,
    async findByUid(uid) {
      const id = await client.get(uidKey(uid))
      return id === null ? undefined : find(id)
    },
    findByUserCode: async () => undefined,
    async consume(id) {
      await client.hset(keyOf(id), 'consumed', Math.floor(Date.now() / 1000))
    },
    async destroy(id) {
      await client.del(keyOf(id))
    },
    async revokeByGrantId(grantId) {
      const tokens = await client.lrange(tokensKey(grantId), 0, -1)
      await client.del(tokensKey(grantId), ...tokens)
    },
  }
}

function tokensKey(grantId: string): string {
  return `oidc:grant:${grantId}`
}

function uidKey(uid: string): string {
  return `oidc:uid:${uid}`
}

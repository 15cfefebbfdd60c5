// Changes what stands in Redis, as a fault or somebody with access to it could.
import type { Redis } from 'ioredis'
import type { Spoiling } from '../contract/stored-bytes.ts'

/** Changes every value of the database in the same way. */
export async function spoilKeys(redis: Redis, how: Spoiling): Promise<void> {
  const keys = (await redis.keys('*')).sort()
  for (const [index, key] of keys.entries()) {
    if (how === 'swapped') await exchange(redis, key, keys[index + 1])
    else if ((await redis.type(key)) === 'hash') await (how === 'garbage' ? spoilFields(redis, key) : replace(redis, key, 'text'))
    else await (how === 'garbage' ? redis.set(key, 'garbage') : replace(redis, key, 'list'))
  }
}

async function spoilFields(redis: Redis, key: string): Promise<void> {
  for (const field of await redis.hkeys(key)) await redis.hset(key, field, '{"not": "ours"')
}

async function replace(redis: Redis, key: string, by: 'text' | 'list'): Promise<void> {
  await redis.del(key)
  await (by === 'text' ? redis.set(key, 'a text') : redis.rpush(key, 'an element'))
}

/** Exchanges the sealed values of two keys of a kind, so that each value stands where another did. */
async function exchange(redis: Redis, one: string, two: string | undefined): Promise<void> {
  if (two === undefined || kindOf(one) !== kindOf(two)) return
  if ((await redis.type(one)) !== 'hash') {
    const [a, b] = await redis.mgetBuffer(one, two)
    if (a && b) await redis.mset(one, b, two, a)
    return
  }
  const [a, b] = [await redis.hgetallBuffer(one), await redis.hgetallBuffer(two)]
  await redis.hset(one, b)
  await redis.hset(two, a)
}

function kindOf(key: string): string | undefined {
  return key.split(':')[1]
}

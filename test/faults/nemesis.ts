// What goes wrong in a fault run: one thing at a time, chosen by dice, and put right again.
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Cluster, Member, Store } from './cluster.ts'
import type { Dice } from './dice.ts'
import type { Fault, Ledger } from './history.ts'
import { limitMemory, lock, makeReadOnly, makeWritable, memoryOf, unlock } from './redis-states.ts'

/** The ways to break something, and how often each is chosen. */
const WAYS = {
  killServer: 3,
  stopServer: 3,
  killRedis: 3,
  stopRedis: 3,
  emptyRedis: 2,
  fillRedis: 1,
  evictRedis: 2,
  makeRedisReadOnly: 1,
  lockRedis: 1,
  crashPostgres: 3,
  stopPostgres: 3,
  cut: 2,
  refuse: 3,
  hang: 3,
  slow: 3,
  wrongClock: 2,
}

export type Way = keyof typeof WAYS

const CLOCK_STEPS = [-86_400, -60, 60, 86_400] as const
const SLOWNESS_MS = [40, 100, 2000] as const

/** What a nemesis needs. */
export interface NemesisDeps {
  readonly cluster: Cluster
  readonly dice: Dice
  readonly ledger: Ledger
  /** The only ways it may take, when not all. */
  readonly ways?: readonly Way[]
}

/** Breaks things until it is told to stop; then everything is whole. */
export async function rage(deps: NemesisDeps, until: AbortSignal): Promise<void> {
  const { dice, ledger } = deps
  const all = Object.entries(WAYS).filter(([way]) => deps.ways === undefined || deps.ways.some((one) => one === way))
  const weights = Object.fromEntries(all) as typeof WAYS
  while (!until.aborted) {
    await wait(dice.between(600, 1800))
    const way = dice.weighted(weights)
    const start = ledger.now()
    const damage = await breakSomething(way, deps)
    ledger.write({ kind: 'fault', start, end: ledger.now(), ...damage })
  }
}

type Damage = Omit<Fault, 'kind' | 'start' | 'end'>

async function breakSomething(way: Way, deps: NemesisDeps): Promise<Damage> {
  const { cluster, dice, ledger } = deps
  const everyone = cluster.members.map(({ number }) => number)
  const lasts = () => wait(dice.between(400, 2500))
  switch (way) {
    case 'killServer':
      return killServer(victim(deps), deps)
    case 'stopServer': {
      const member = victim(deps)
      await absent(member, ledger, async () => {
        member.pause()
        await lasts()
        member.resume()
      })
      return { name: `server ${member.number} was stopped`, at: [member.number] }
    }
    case 'killRedis':
      await cluster.redis.kill()
      await lasts()
      await cluster.redis.restart()
      return { name: 'Redis was killed, and came back empty', at: everyone, redisEmptied: true }
    case 'stopRedis':
      cluster.redis.pause()
      await lasts()
      cluster.redis.resume()
      return { name: 'Redis was stopped', at: everyone, withoutRedis: true }
    case 'emptyRedis':
      await cluster.emptyRedis()
      return { name: 'Redis was emptied', at: everyone, redisEmptied: true }
    case 'fillRedis':
    case 'evictRedis':
    case 'makeRedisReadOnly':
    case 'lockRedis':
      return limitRedis(way, cluster, lasts)
    case 'crashPostgres':
      await cluster.postgres.kill()
      await wait(dice.between(100, 2000))
      await cluster.postgres.restart()
      return { name: 'PostgreSQL was stopped at once, and started', at: everyone }
    case 'stopPostgres':
      cluster.postgres.pause()
      await lasts()
      cluster.postgres.resume()
      return { name: 'PostgreSQL was stopped', at: everyone }
    case 'wrongClock':
      return wrongClock(victim(deps), dice)
    default:
      return breakLine(way, deps)
  }
}

/** It is there, and of little use. */
async function limitRedis(
  way: 'fillRedis' | 'evictRedis' | 'makeRedisReadOnly' | 'lockRedis',
  { redis, members }: Cluster,
  lasts: () => Promise<void>,
): Promise<Damage> {
  const admin = new Redis(redis.url)
  const at = members.map(({ number }) => number)
  const lines = members.map(({ proxies }) => proxies.redis)
  const free = () => limitMemory(admin, 0, 'noeviction')
  const evict = async () => limitMemory(admin, (await memoryOf(admin)).used, 'allkeys-random')
  const { name, begin, end } = {
    fillRedis: { name: 'Redis was full', begin: () => limitMemory(admin, 1, 'noeviction'), end: free },
    evictRedis: { name: 'Redis evicted what it liked', begin: evict, end: free },
    makeRedisReadOnly: {
      name: 'Redis was a replica',
      begin: () => makeReadOnly(admin, redis),
      end: () => makeWritable(admin),
    },
    lockRedis: { name: 'Redis asked for another password', begin: () => lock(admin, lines), end: () => unlock(admin) },
  }[way]
  try {
    await begin()
    await lasts()
    await end()
  } finally {
    admin.disconnect()
  }
  return { name, at, ...(way === 'evictRedis' ? { redisEmptied: true } : {}) }
}

async function killServer(member: Member, { dice, ledger }: NemesisDeps): Promise<Damage> {
  await absent(member, ledger, async () => {
    await member.kill()
    await wait(dice.between(0, 1000))
    await member.start()
  })
  return { name: `server ${member.number} was killed, and started`, at: [member.number] }
}

async function wrongClock(member: Member, dice: Dice): Promise<Damage> {
  const seconds = dice.pick(CLOCK_STEPS)
  member.setClock(seconds)
  await wait(dice.between(1000, 3000))
  member.setClock(0)
  return { name: `the clock of server ${member.number} was wrong by ${seconds} s`, at: [member.number], wrongClock: true }
}

/** The line between one store and one process, or all of them. */
async function breakLine(way: 'cut' | 'refuse' | 'hang' | 'slow', { cluster, dice }: NemesisDeps): Promise<Damage> {
  const store: Store = dice.pick(['postgres', 'redis'])
  const members = dice.chance(0.5) ? cluster.members : [victim({ cluster, dice })]
  const proxies = members.map((member) => member.proxies[store])
  const delay = dice.pick(SLOWNESS_MS)
  for (const proxy of proxies) {
    if (way === 'slow') proxy.slow(delay)
    else proxy[way]()
  }
  await wait(way === 'cut' ? 50 : dice.between(500, 3000))
  for (const proxy of proxies) proxy.heal()
  const at = members.map(({ number }) => number)
  const name = `the line of server ${at.join(' and ')} to ${store} was ${way === 'slow' ? `slow by ${delay} ms` : PAST[way]}`
  return { name, at, ...(store === 'redis' && (way === 'refuse' || way === 'hang') ? { withoutRedis: true } : {}) }
}

const PAST = { cut: 'cut', refuse: 'refused', hang: 'hanging' } as const

function victim({ cluster, dice }: Pick<NemesisDeps, 'cluster' | 'dice'>): Member {
  const [first, ...others] = cluster.members
  if (first === undefined) throw new Error('there is no server to break')
  return dice.pick([first, ...others])
}

async function absent(member: Member, ledger: Ledger, work: () => Promise<void>): Promise<void> {
  const start = ledger.now()
  await work()
  ledger.write({ kind: 'absent', at: member.number, start, end: ledger.now() })
}

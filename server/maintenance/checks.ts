// What can be wrong with a server that runs, each as one check with what to do: for the console, and for whatever else looks after it.
import type { PostgresProbe, RedisProbe } from '../storage/store-probes.ts'
import { SILENT_SECONDS } from '../tokens/revocation-acknowledgements.ts'

/** A check. */
export interface Check {
  readonly what: string
  /** `look`: it goes on, and somebody should look. `wrong`: something does not do its work. */
  readonly outcome: 'right' | 'look' | 'wrong'
  /** What is so. */
  readonly says: string
  /** What to do about it; undefined when it is right. */
  readonly todo?: string
  /** The page of the console that has more. */
  readonly href?: string
}

/** What is known of the server. */
export interface ServerFacts {
  /** Milliseconds since the epoch, by the process's clock. */
  readonly now: number
  readonly environment: string
  readonly limitsOn: boolean
  readonly postgres: PostgresProbe | undefined
  /** `memory`: there is none, and none is wanted. */
  readonly redis: RedisProbe | 'memory' | undefined
  /** Undefined: the role of the server may not see them. */
  readonly migrations: { readonly pending: readonly string[]; readonly refused?: string } | undefined
  /** The number of the last revocation. */
  readonly newest: number
  /** Undefined: nobody can tell, since they meet in Redis. */
  readonly processes:
    | readonly {
        readonly host: string
        readonly pid: number
        readonly sequence: number
        readonly version: string
      }[]
    | undefined
  /** Guards of APIs that were heard in the last day. */
  readonly listeners: readonly { readonly clientId: string; readonly sequence: number; readonly acknowledgedAt: Date }[]
  /** Accounts that are active and own the server. */
  readonly owners: number
  /** Signing keys that should have been replaced. */
  readonly keysDue: number
  /** Webhooks that do not take what they are told. */
  readonly webhooksFailing: number
  /** Undefined for one who is no server. */
  readonly tasks: readonly { readonly task: string; readonly failedAt?: Date }[] | undefined
}

/** Farther apart than this, tokens are too young or too old for somebody. */
const MOST_APART_SECONDS = 5
/** An answer of a store that takes longer makes every request slow. */
const SLOW_MS = 50

/** Makes them all. */
export function checksOf(facts: ServerFacts): Check[] {
  return [
    postgresCheck(facts),
    clockCheck(facts),
    redisCheck(facts),
    migrationCheck(facts),
    ...(facts.processes === undefined ? [] : [processCheck(facts.processes, facts.newest)]),
    listenerCheck(facts),
    ...(facts.tasks === undefined ? [] : [taskCheck(facts.tasks)]),
    keyCheck(facts),
    webhookCheck(facts),
    ownerCheck(facts),
    environmentCheck(facts),
  ]
}

function postgresCheck({ postgres }: ServerFacts): Check {
  const what = 'PostgreSQL'
  if (postgres === undefined)
    return { what, outcome: 'wrong', says: 'It does not answer.', todo: 'Look at the database, and at DATABASE_URL.' }
  return slowness(what, postgres)
}

function slowness(what: string, { version, milliseconds }: { readonly version: string; readonly milliseconds: number }): Check {
  const says = `Version ${version} answers in ${milliseconds.toFixed(1)} ms.`
  if (milliseconds <= SLOW_MS) return { what, outcome: 'right', says }
  return {
    what,
    outcome: 'look',
    says,
    todo: 'Every request waits for it several times: look at its load, and at the way to it.',
  }
}

function clockCheck({ postgres, now }: ServerFacts): Check {
  const what = 'Clocks'
  if (postgres === undefined) return { what, outcome: 'look', says: 'Not compared: PostgreSQL does not answer.' }
  const apart = Math.abs(postgres.now.getTime() - now) / 1000
  const says = `This process and PostgreSQL are ${apart.toFixed(1)} s apart.`
  if (apart <= MOST_APART_SECONDS) return { what, outcome: 'right', says }
  return { what, outcome: 'wrong', says, todo: 'Have both machines keep time (NTP): PostgreSQL’s clock decides what is over.' }
}

function redisCheck({ redis }: ServerFacts): Check {
  const what = 'Redis'
  if (redis === 'memory') return { what, outcome: 'right', says: 'There is none: sessions are in the memory of this process.' }
  if (redis === undefined)
    return {
      what,
      outcome: 'wrong',
      says: 'It does not answer.',
      todo: 'Nobody can sign in until it does: look at it, and at REDIS_URL.',
    }
  if (redis.memoryPolicy !== '' && redis.memoryPolicy !== 'noeviction')
    return {
      what,
      outcome: 'wrong',
      says: `When it is full it drops what it likes (${redis.memoryPolicy}), the marks of ended sessions too.`,
      todo: 'Set maxmemory-policy noeviction.',
    }
  return slowness(what, redis)
}

function migrationCheck({ migrations }: ServerFacts): Check {
  const what = 'Migrations'
  if (migrations === undefined)
    return { what, outcome: 'look', says: 'The role of the server may not see them.', todo: 'npx latchkey migrate status tells.' }
  const { pending, refused } = migrations
  // It says itself what to do.
  if (refused !== undefined)
    return { what, outcome: 'wrong', says: refused, todo: 'Until then the database is not that of this program.' }
  if (pending.length === 0) return { what, outcome: 'right', says: 'All are applied.' }
  return { what, outcome: 'wrong', says: `Not applied: ${pending.join(', ')}.`, todo: 'npx latchkey migrate up' }
}

function processCheck(processes: NonNullable<ServerFacts['processes']>, newest: number): Check {
  const what = 'Processes'
  if (processes.length === 0)
    return {
      what,
      outcome: 'look',
      says: 'No server was heard in the last half a minute.',
      todo: 'Start one: npx latchkey serve',
    }
  const behind = processes.filter(({ sequence }) => sequence < newest)
  const versions = new Set(processes.map(({ version }) => version))
  if (behind.length > 0)
    return {
      what,
      outcome: 'look',
      says: `${behind.map(({ host, pid }) => `${pid} on ${host}`).join(', ')}: not all revocations were known when it was last heard.`,
      todo: 'Each looks every second. One that stays behind does not reach PostgreSQL: look at its log.',
    }
  if (versions.size > 1)
    return {
      what,
      outcome: 'look',
      says: `They are of several versions: ${[...versions].join(', ')}.`,
      todo: 'That is well while one replaces the other, and not for longer.',
    }
  const one = processes.length === 1
  return {
    what,
    outcome: 'right',
    says: one ? 'One, which knows all revocations.' : `${processes.length}, which know all revocations.`,
  }
}

function listenerCheck({ listeners, newest, now }: ServerFacts): Check {
  const what = 'APIs that listen'
  const href = '/admin/tokens/listeners'
  const silent = listeners.filter(({ acknowledgedAt }) => now - acknowledgedAt.getTime() > SILENT_SECONDS * 1000)
  const behind = listeners.filter((listener) => !silent.includes(listener) && listener.sequence < newest)
  const late = behind.length > 0 ? `On the way: ${namesOf(behind)}. ` : ''
  if (silent.length > 0)
    return {
      what,
      outcome: 'look',
      says: `${late}${silent.length} of ${listeners.length} guards were not heard for more than a minute and a half: ${namesOf(silent)}.`,
      todo: 'One that was stopped is forgotten after a day. Any other refuses tokens, or accepts revoked ones, as its whenStale says.',
      href,
    }
  if (behind.length > 0)
    return {
      what,
      outcome: 'look',
      says: late.trim(),
      todo: 'A guard follows within a second. That it has, it says at once; where hundreds listen, within some ten seconds.',
      href,
    }
  if (listeners.length === 0)
    return { what, outcome: 'right', says: 'None. What is revoked, APIs notice when they ask here, or when it expires.', href }
  return { what, outcome: 'right', says: `${listeners.length} guards have applied all revocations.`, href }
}

function namesOf(listeners: ServerFacts['listeners']): string {
  return [...new Set(listeners.map(({ clientId }) => clientId))].slice(0, 5).join(', ')
}

function taskCheck(tasks: NonNullable<ServerFacts['tasks']>): Check {
  const what = 'Background work'
  const failing = tasks.filter(({ failedAt }) => failedAt !== undefined)
  if (failing.length === 0) return { what, outcome: 'right', says: 'Nothing fails in this process.' }
  return {
    what,
    outcome: 'wrong',
    says: `It fails: ${failing.map(({ task }) => task).join(', ')}.`,
    todo: 'It is tried again by itself. Below stands why, and more in the log.',
  }
}

function keyCheck({ keysDue }: ServerFacts): Check {
  const what = 'Signing keys'
  if (keysDue === 0) return { what, outcome: 'right', says: 'None is due.' }
  return { what, outcome: 'look', says: `${keysDue} should have been replaced.`, todo: 'Announce new keys.', href: '/admin/keys' }
}

function webhookCheck({ webhooksFailing }: ServerFacts): Check {
  const what = 'Webhooks'
  if (webhooksFailing === 0) return { what, outcome: 'right', says: 'None fails.' }
  const says = webhooksFailing === 1 ? 'One does not take what it is told.' : `${webhooksFailing} do not take what they are told.`
  return { what, outcome: 'look', says, todo: 'Its page says what it answers.', href: '/admin/webhooks' }
}

function ownerCheck({ owners }: ServerFacts): Check {
  const what = 'Owners'
  if (owners === 0) return { what, outcome: 'wrong', says: 'Nobody owns the server.', todo: 'npx latchkey admin setup-link' }
  if (owners === 1)
    return {
      what,
      outcome: 'look',
      says: 'One. When that account is lost, only a shell on the server helps.',
      todo: 'Make a second owner.',
      href: '/admin/accounts?role=owner',
    }
  return { what, outcome: 'right', says: `${owners} accounts own the server.` }
}

function environmentCheck({ environment, limitsOn }: ServerFacts): Check {
  const what = 'Settings'
  const href = '/admin/settings'
  if (!limitsOn)
    return {
      what,
      outcome: 'look',
      says: 'Rate limits are off.',
      todo: 'That is for tests and benchmarks: LATCHKEY_RATE_LIMITS=on',
      href,
    }
  if (environment !== 'production')
    return { what, outcome: 'look', says: `This is a server for ${environment}.`, todo: 'For people: NODE_ENV=production', href }
  return { what, outcome: 'right', says: 'Production, with rate limits.', href }
}

// The kinds of values that settings have: each reads text strictly and says in words what it accepts.
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { NO_DETAIL, type ValueKind } from './setting.ts'

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

const NETWORK_NAMES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/**
 * A kind of value. `read` answers undefined for text that is not one, or a `Detail` where there is more to say.
 */
export function kindOf<Value>(wanted: string, read: (text: string) => Value | Detail | undefined): ValueKind<Value> {
  const schema = z.string().transform((text, context) => {
    const value = read(text)
    if (value !== undefined && !(value instanceof Detail)) return value
    context.addIssue({ code: 'custom', message: value instanceof Detail ? value.text : NO_DETAIL })
    return z.NEVER
  })
  return { schema, wanted }
}

/** Why a value was not accepted, where that is not plain from what is wanted. Printed, so never with a secret in it. */
export class Detail {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A whole number, both bounds included. */
export function integer(min: number, max: number): ValueKind<number> {
  return kindOf(`a whole number from ${min} to ${max}`, (text) => within(text, min, max))
}

/** A port that can be listened on. 0, which lets the system choose, is judged apart. */
export const port: ValueKind<number> = kindOf('a port number from 1 to 65535', (text) => within(text, 0, 65_535))

/** A number of things that may be left to the number of processor cores. */
export function countOrAuto(max: number, autoMax: number): ValueKind<number> {
  return kindOf(`a whole number from 1 to ${max}, or auto (as many as there are processor cores, at most ${autoMax})`, (text) =>
    text === 'auto' ? Math.min(availableParallelism(), autoMax) : within(text, 1, max),
  )
}

/** A time, read into seconds: `900`, `900s`, `15m`, `24h`, `30d`. */
export function duration(minSeconds: number, maxSeconds: number): ValueKind<number> {
  const kind = kindOf(
    `a time in seconds, or with one of the units s, m, h, d, from ${spoken(minSeconds)} to ${spoken(maxSeconds)}`,
    (text) => {
      const [, digits, unit] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
      if (digits === undefined) return undefined
      const seconds = Number(digits) * (UNIT_SECONDS[unit ?? 's'] ?? 1)
      return seconds >= minSeconds && seconds <= maxSeconds ? seconds : undefined
    },
  )
  return { ...kind, unit: 'seconds' }
}

/** A time, or `forever`, which is read as no time at all. */
export function durationOrForever(minSeconds: number, maxSeconds: number): ValueKind<number | 'forever'> {
  const some = duration(minSeconds, maxSeconds)
  return kindOf(`forever, or ${some.wanted}`, (text) => (text === 'forever' ? 'forever' : some.schema.safeParse(text).data))
}

/** A time, or `off`. */
export function durationOrOff(minSeconds: number, maxSeconds: number): ValueKind<number | 'off'> {
  const some = duration(minSeconds, maxSeconds)
  return kindOf(`off, or ${some.wanted}`, (text) => (text === 'off' ? 'off' : some.schema.safeParse(text).data))
}

/** One of some words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): ValueKind<Word> {
  const wanted = words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return kindOf(wanted, (text) => words.find((word) => word === text))
}

/** A switch. */
export const onOff: ValueKind<boolean> = kindOf('on or off', (text) =>
  text === 'on' ? true : text === 'off' ? false : undefined,
)

/** An address or a host name to listen on. */
export const listenHost: ValueKind<string> = kindOf('an IP address or a host name, without a port', (text) =>
  isIP(text) > 0 || isHostName(text) ? text : undefined,
)

/** A path of the file system. */
export const path: ValueKind<string> = kindOf('a path', (text) => (text.includes('\0') ? undefined : text))

/** What the `From` header of mail says. */
export const mailAddress: ValueKind<string> = kindOf('an e-mail address, with or without a name before it', (text) =>
  /^(?:[^<>\p{Cc}]{0,200} ?<[^\s<>@\p{Cc}]{1,64}@[^\s<>@\p{Cc}]{1,255}>|[^\s<>@\p{Cc}]{1,64}@[^\s<>@\p{Cc}]{1,255})$/u.test(text)
    ? text
    : undefined,
)

/**
 * The issuer: an origin. Its host is written in lower case and without a default port or a slash at the end, so that
 * there is one spelling of it. A path is refused, since every address of this server starts at the root of its host.
 */
export const issuer: ValueKind<string> = kindOf(
  'an http or https URL of a host and nothing more: no path, query, fragment or user name',
  (text) => {
    if (!URL.canParse(text)) return undefined
    const url = new URL(text)
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined
    if (url.username !== '' || url.password !== '') return new Detail('it has a user name')
    // RFC 8414 §2 and OpenID Connect Discovery §3: an issuer has neither a query nor a fragment, not even an empty one.
    if (/[?#]/.test(text)) return new Detail('it has a query or a fragment')
    if (url.pathname !== '/') return new Detail('it has a path, and Latchkey answers at the root of a host only')
    return url.origin
  },
)

/** Further values of the `Host` header, comma-separated. */
export const hostList: ValueKind<readonly string[]> = kindOf(
  'host names, each with or without a port, separated by commas',
  (text) => {
    const hosts = listed(text).map((host) => host.toLowerCase())
    const wrong = hosts.find((host) => !isHostWithPort(host))
    return wrong === undefined ? hosts : new Detail(`${JSON.stringify(wrong.slice(0, 80))} is not a host`)
  },
)

/** The name of a header, in lower case; nothing for none. Those that say something else already are refused. */
export const headerName: ValueKind<string> = kindOf('the name of a header that has no other meaning', (text) => {
  const name = text.toLowerCase()
  return /^[a-z0-9-]{0,100}$/.test(name) && !TAKEN_HEADERS.test(name) ? name : undefined
})

const TAKEN_HEADERS =
  /^(?:accept.*|authorization|connection|content-.*|cookie|dpop|forwarded|host|origin|referer|user-agent|via|x-forwarded-for)$/

/** Addresses of proxies: `10.0.0.1`, `10.0.0.0/8`, `loopback`, `private`. A range of everybody is refused. */
export const proxyList: ValueKind<readonly string[]> = kindOf(
  'addresses or CIDR ranges of your proxies, or the words loopback or private, separated by commas',
  readRanges,
)

/** Addresses of networks: `10.0.0.1`, `10.0.0.0/8`, `loopback`, `private`; or `none`. A range of everybody is refused. */
export const networkList: ValueKind<readonly string[]> = kindOf(
  'addresses or CIDR ranges, or the words loopback or private, separated by commas; or none',
  (text) => (text.trim() === 'none' ? [] : readRanges(text)),
)

function readRanges(text: string): readonly string[] | Detail {
  const ranges = listed(text).flatMap((entry) => NETWORK_NAMES[entry] ?? [entry])
  const wrong = ranges.find((entry) => !isAddressRange(entry))
  return wrong === undefined ? ranges : new Detail(`${JSON.stringify(wrong.slice(0, 80))} is not one`)
}

/** The parts of a comma-separated text, without the space around them. */
export function listed(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** A number of seconds as people say it. */
export function spoken(seconds: number): string {
  for (const [unit, name] of [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ] as const) {
    if (seconds >= unit && seconds % unit === 0) return `${seconds / unit} ${name}${seconds === unit ? '' : 's'}`
  }
  return `${seconds} second${seconds === 1 ? '' : 's'}`
}

function within(text: string, min: number, max: number): number | undefined {
  if (!/^\d{1,12}$/.test(text)) return undefined
  const number = Number(text)
  return number >= min && number <= max ? number : undefined
}

function isHostName(text: string): boolean {
  return text.length <= 253 && text.split('.').every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label))
}

function isHostWithPort(text: string): boolean {
  const [, bracketed, name, digits] = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,253}))(?::(\d{1,5}))?$/.exec(text) ?? []
  if (digits !== undefined && within(digits, 1, 65_535) === undefined) return false
  return bracketed !== undefined ? isIP(bracketed) === 6 : name !== undefined && isHostName(name)
}

function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return prefix === undefined || within(prefix, 1, family === 4 ? 32 : 128) !== undefined
}

// The program's log: structured lines, one for each request and one for each thing that goes wrong. It never holds a
// token, code, password or secret: what could be one is redacted by name, and request lines carry no query.
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** The log. */
export type Log = Logger

/** Members that are never written, at the top and one level down. */
const SECRET_NAMES = [
  'access_token',
  'authorization',
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'cookie',
  'id_token',
  'id_token_hint',
  'password',
  'refresh_token',
  'secret',
  'set-cookie',
  'token',
]

/** Makes the log. `format` is `json` for machines or `pretty` for a person at a terminal. */
export function createLog(options: {
  readonly level: string
  readonly format: 'json' | 'pretty'
  readonly destination?: NodeJS.WritableStream
}): Log {
  const settings = {
    level: options.level,
    base: null,
    redact: { paths: SECRET_NAMES.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), censor: '[redacted]' },
  }
  const destination = options.destination ?? process.stdout
  if (options.format === 'json') return pino(settings, destination)
  return pino(settings, pretty({ destination, sync: true, translateTime: 'SYS:HH:MM:ss', hideObject: false, singleLine: true }))
}

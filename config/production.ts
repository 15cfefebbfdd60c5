// What production refuses: everything that is only good enough to try things out, each with the line to add.
import { type Fault, quoted } from './faults.ts'
import { isLoopbackHost } from './loopback.ts'
import { missing, type Readings } from './read-settings.ts'
import { type Secret, weakness } from './secrets.ts'
import { lineFor, type Setting } from './setting.ts'
import { settings } from './settings.ts'

const REQUIRED = 'required in production'

/** The faults of settings that development would accept. A setting with a fault of its own is not judged again. */
export function productionFaults({ values, byVariable }: Readings): Fault[] {
  const faults: Fault[] = []
  const absent = (row: Setting<unknown>) => byVariable.get(row.variable)?.source === 'not set'

  if (absent(settings.issuer)) faults.push(missing(settings.issuer, REQUIRED))
  else if (values.issuer?.startsWith('http:') && !isLoopbackHost(new URL(values.issuer).hostname))
    faults.push(plainHttp(values.issuer))

  if (absent(settings.databaseUrl))
    faults.push(missing(settings.databaseUrl, `${REQUIRED}: the embedded database is for development`))
  if (absent(settings.redisUrl)) faults.push(missing(settings.redisUrl, `${REQUIRED}: sessions in memory end with the process`))
  if (absent(settings.encryptionKeys)) faults.push(missing(settings.encryptionKeys, REQUIRED))
  if (absent(settings.cookieKeys)) faults.push(missing(settings.cookieKeys, REQUIRED))

  faults.push(...sampleFaults(byVariable))
  faults.push(...weakKeys(settings.encryptionKeys, values.encryptionKeys, 'base64url'))
  faults.push(...weakKeys(settings.cookieKeys, values.cookieKeys, 'text'))

  if (values.demo === true)
    faults.push(switchedWrong(settings.demo, 'on', 'off (the demo has accounts whose passwords everybody knows)'))
  if (values.rateLimits === false)
    faults.push(switchedWrong(settings.rateLimits, 'off', 'on (passwords could be guessed without end)'))
  return faults
}

function plainHttp(issuer: string): Fault {
  return {
    name: settings.issuer.variable,
    read: quoted(issuer),
    wanted: 'an https URL in production, unless the host is this machine',
    example: `${settings.issuer.variable}=https://${new URL(issuer).hostname}`,
  }
}

function weakKeys(row: Setting<unknown>, keys: readonly Secret[] | undefined, form: 'text' | 'base64url'): Fault[] {
  return (keys ?? []).flatMap((key, index) => {
    const why = weakness(key, form)
    if (why === undefined) return []
    const which = keys?.length === 1 ? '' : `key ${index + 1} of ${keys?.length}: `
    return [{ name: row.variable, read: `[redacted]: ${which}${why}`, wanted: 'random keys', example: lineFor(row) }]
  })
}

/** The samples of config/example.env are public. Those of keys are refused as weak. */
function sampleFaults(byVariable: Readings['byVariable']): Fault[] {
  const urls = [settings.databaseUrl, settings.migrationDatabaseUrl, settings.redisUrl, settings.smtpUrl]
  return urls
    .filter((row) => byVariable.get(row.variable)?.text === row.example)
    .map((row) => ({
      name: row.variable,
      read: '[redacted]: it is the sample of config/example.env',
      wanted: `${row.wanted} of your own`,
      example: `${row.variable}=${row.example.replace('change-me', '<a password of your own>')}`,
    }))
}

function switchedWrong(row: Setting<unknown>, read: string, wanted: string): Fault {
  return { name: row.variable, read: quoted(read), wanted: `${wanted} in production`, example: lineFor(row) }
}

// What a person sees in the terminal when the server has started in development.
import type { Config } from '../config/config.ts'
import type { Latchkey } from './compose.ts'
import type { Extras } from './composition/extras.ts'
import { DEV_MAIL_PATH } from './dev-mail/routes.ts'

/** The lines that are shown once. */
export function createBanner(about: { readonly config: Config; readonly latchkey: Latchkey; readonly extras: Extras }): string {
  const { config, latchkey, extras } = about
  const { setup } = latchkey.announcements
  const lines = [
    '',
    `  Latchkey is ready: ${config.issuer}`,
    '',
    ...(setup === undefined ? [] : ['  There is no owner yet. Make one, within 30 minutes:', `    ${setup.url}`, '']),
    ...(extras.demoLines.length === 0 ? [] : [...extras.demoLines.map((line) => `  ${line}`), '']),
    ...(config.mail === 'mailbox' ? [`  Mail to people is kept, and not sent: ${config.issuer}${DEV_MAIL_PATH}`, ''] : []),
    ...(config.database === 'embedded' ? [`  Data: ${config.dataDir} (embedded database: for development)`, ''] : []),
    '  Stop with Ctrl+C.',
    '',
  ]
  return `${lines.join('\n')}\n`
}

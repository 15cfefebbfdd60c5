// The mailbox of development: mail goes into files of the data directory instead of to people, for the page /dev/mail.
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makeFolder } from '../../config/folders.ts'
import type { MailCarrier, OutgoingMail } from './mail.ts'

/** Takes all mail, and shows it. */
export interface Mailbox extends MailCarrier {
  /** The newest first. */
  list(): Promise<readonly OutgoingMail[]>
}

/** The oldest are thrown away beyond this number. */
const MOST_MAILS = 100

/** Makes it. */
export function createMailbox({ dataDir }: { readonly dataDir: string }): Mailbox {
  const folder = join(dataDir, 'mail')
  return {
    async carry(mail) {
      makeFolder(folder)
      const file = join(folder, fileName(mail))
      await writeFile(`${file}.part`, JSON.stringify(mail), { mode: 0o600 })
      await rename(`${file}.part`, file)
      for (const old of (await newestFirst(folder)).slice(MOST_MAILS)) await rm(join(folder, old), { force: true })
    },

    async list() {
      const files = await newestFirst(folder)
      const mails = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8').then(mailOf, () => undefined)))
      return mails.filter((mail) => mail !== undefined)
    },
  }
}

const MAIL = z.object({
  id: z.string(),
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  html: z.string(),
  createdAt: z.coerce.date(),
})

function mailOf(text: string): OutgoingMail {
  return MAIL.parse(JSON.parse(text))
}

/** Sorts by time, and is the same when a mail comes twice. */
function fileName({ id, createdAt }: OutgoingMail): string {
  return `${createdAt.toISOString().replaceAll(':', '-')} ${id}.json`
}

async function newestFirst(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => name.endsWith('.json')).sort((a, b) => (a < b ? 1 : -1))
}

// What is registered before the server answers: the provision file, and the demo.
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import type { DemoAccess } from '../commands/demo.ts'
import { describeProvisioning, provision } from '../commands/provision.ts'
import type { Log } from '../http/log.ts'
import { announceSetupLink, type SetupAnnouncement } from '../setup/announcement.ts'
import type { Nouns } from './nouns.ts'
import type { OpenStores } from './stores.ts'

/** What the operator is to be told once. */
export interface Announcements {
  /** While there is no owner. */
  readonly setup: SetupAnnouncement | undefined
  /** While the demo is on. */
  readonly demo: DemoAccess | undefined
}

/** Registers it. @throws ProvisionFileError */
export async function register(deps: {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly stores: OpenStores
  readonly nouns: Nouns
}): Promise<Announcements> {
  const { config, clock, log, stores, nouns } = deps
  const { db } = stores
  if (config.provisionFile !== undefined) {
    await provision(
      { db, clock, endings: nouns.endings, passwords: nouns.passwords, announce: nouns.announce, config },
      { file: config.provisionFile, onPlan: (report) => log.info(describeProvisioning(report)) },
    )
  }
  const demo = config.demo ? await demoAccess(deps) : undefined
  const setup = await announceSetupLink({ links: nouns.setupLinks, dataDir: config.dataDir, issuer: config.issuer })
  // A machine's log must not hold the link itself: whoever reads it could become the owner. The file can only be read by us.
  if (setup !== undefined) log.warn({ file: setup.file }, 'there is no owner yet: make one with the setup link in the file')
  return { setup, demo }
}

/** The demo is not even loaded where it is off. */
async function demoAccess({ config, stores, nouns }: { config: Config; stores: OpenStores; nouns: Nouns }): Promise<DemoAccess> {
  const { installDemo } = await import('../commands/demo.ts')
  return installDemo({ db: stores.db, accounts: nouns.accounts, config })
}

// `latchkey audit verify` on a real database: what it says of a log of which the beginning was removed.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Secret } from '../../config/secrets.ts'
import { createAuditKeys } from '../../server/audit/chain.ts'
import { createAuditSealer } from '../../server/audit/sealer.ts'
import { trimAuditLog } from '../../server/audit/trimming.ts'
import { createAuditVerbs } from '../../server/commands/audit-handlers.ts'
import type { CommandOutput } from '../../server/commands/control-socket.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { moveDatabaseClock, run, tamper } from '../support/postgres.ts'
import { openWorkbench, type Workbench } from './support.ts'

const DAY = 86_400
const sealer = createSealer([new Secret(Buffer.alloc(32, 7).toString('base64url'))])

let workbench: Workbench

beforeAll(async () => {
  workbench = await openWorkbench()
})

afterAll(() => workbench?.close())

beforeEach(async () => {
  await moveDatabaseClock(workbench.url, 0)
  await tamper(workbench.url)
  await run(workbench.url, "INSERT INTO audit_events (name) VALUES ('session.revoked')")
  await createAuditSealer({ db: workbench.db, keys: createAuditKeys(sealer.deriveAll('audit log')) }).run()
  await moveDatabaseClock(workbench.url, 100 * DAY)
})

function verify(auditRetention?: number): Promise<CommandOutput> {
  const { db, deps } = workbench
  const config = auditRetention === undefined ? {} : { auditRetention }
  return createAuditVerbs({ config, db, sealer, clock: deps.clock })['audit verify']?.({}) as Promise<CommandOutput>
}

test('what was removed by the setting is said, and whether the setting says so now', async () => {
  await trimAuditLog({ db: workbench.db, keys: createAuditKeys(sealer.deriveAll('audit log')), keptSeconds: 60 * DAY })
  const found = await verify(60 * DAY)
  expect(found.text).toMatch(
    /^What seal 1 and those before it sealed was removed\.\n1 events under 2 seals: nothing was changed\.\n/,
  )
  expect(found.data).toMatchObject({ ok: true, removed_through_seal: 1, faults: [], remarks: [] })
  const now = await verify()
  const remark = /^LATCHKEY_AUDIT_RETENTION keeps events for ever, and those of .* are gone: event \d+ of .* kept for 60 days\. /m
  expect(now.text).toMatch(remark)
  expect(now.data).toMatchObject({ ok: true, faults: [], remarks: [expect.stringMatching(remark)] })
})

test('what was removed by nobody knows whom is a fault', async () => {
  await run(workbench.url, 'SELECT latchkey_trim_audit_log(0)')
  const { text, data } = await verify(60 * DAY)
  expect(text).toContain('  no event audit_events.removed says that what seal 1 and those before it sealed was removed\n')
  expect(text).toContain('The audit log is not as it was written.')
  expect(data).toMatchObject({ ok: false, faults: [{ kind: 'removed_unsaid', event: null, seal: 1 }] })
})

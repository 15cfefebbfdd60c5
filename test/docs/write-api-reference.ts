// Part of `npm run docs`: writes docs/reference/admin-api-routes.md. The routes are those of the program, which is put together for it on a
// database of its own.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../config/config.ts'
import { openApiOf } from '../../server/admin-api/openapi.ts'
import { referenceOf } from '../../server/admin-api/reference-outline.ts'
import { ADMIN_API_PATH } from '../../server/admin-api/routes.ts'
import { compose } from '../../server/compose.ts'
import { apiReferencePage } from './api-reference-page.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-docs-'))
try {
  const { config, secrets } = loadConfig({ NODE_ENV: 'development', DATA_DIR: folder, DEMO: 'off', LOG_LEVEL: 'error' })
  await using latchkey = await compose(config, secrets)
  const document = openApiOf(() => latchkey.administration.apiRoutes, { issuer: config.issuer, version: '' })
  const page = apiReferencePage(referenceOf(document(), ADMIN_API_PATH))
  writeFileSync(new URL('../../docs/reference/admin-api-routes.md', import.meta.url), page)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

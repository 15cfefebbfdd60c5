// Part of `npm run docs`: writes docs/reference/metrics.md.

import { writeFileSync } from 'node:fs'
import { metricsPage } from './metrics-page.ts'

writeFileSync(new URL('../../docs/reference/metrics.md', import.meta.url), metricsPage())

// `npm run docs:catalogue`: fills docs/security/catalogue.md from the titles of the tests.

import { writeFileSync } from 'node:fs'
import { readCatalogue, testsById, writeCatalogue } from './catalogue.ts'

writeFileSync(new URL('../../docs/security/catalogue.md', import.meta.url), writeCatalogue(readCatalogue(), testsById()))

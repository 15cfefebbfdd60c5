// `npm run docs`: writes the documents that are made from the table of settings.
import { writeFileSync } from 'node:fs'
import { configurationPage, exampleEnv } from './configuration-page.ts'

const project = new URL('../', import.meta.url)

writeFileSync(new URL('docs/configuration.md', project), configurationPage())
writeFileSync(new URL('config/example.env', project), exampleEnv())

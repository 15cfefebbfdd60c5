// What Prisma's command line needs to know. Only `prisma generate` is used, and it needs no engine: Prisma 7 still
// looks for a schema-engine binary before it starts and would download one, so it is shown a file that exists.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'prisma/config'

process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= fileURLToPath(import.meta.url)

export default defineConfig({ schema: 'prisma/schema' })

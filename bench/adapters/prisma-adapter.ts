// An adapter on Prisma as tutorials write it: one table for all models, Prisma's own calls, no statement written by hand.

import { cp, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import { temporaryFolder } from '../../test/support/server-process.ts'
import { fromHere, runProgram } from '../targets/program.ts'

/** What the adapter uses of the generated client, which is not there when types are checked. */
interface RecordsClient {
  readonly record: {
    upsert(query: { where: Where; update: object; create: object }): Promise<unknown>
    findUnique(query: { where: Where }): Promise<Row | null>
    findFirst(query: { where: { model: string; uid: string } }): Promise<Row | null>
    update(query: { where: Where; data: object }): Promise<unknown>
    deleteMany(query: { where: { model: string; id: string } | { grantId: string } }): Promise<unknown>
  }
}

interface Where {
  readonly model_id: { readonly model: string; readonly id: string }
}

interface Row {
  readonly payload: AdapterPayload
  readonly expiresAt: Date | null
  readonly consumedAt: Date | null
}

/** The table, as `prisma migrate` would make it. */
export const RECORDS_TABLE = `
  CREATE TABLE records (
    model TEXT NOT NULL, id TEXT NOT NULL, payload JSONB NOT NULL, grant_id TEXT, uid TEXT,
    expires_at TIMESTAMP(3), consumed_at TIMESTAMP(3), CONSTRAINT records_pkey PRIMARY KEY (model, id));
  CREATE INDEX records_grant_id_idx ON records (grant_id);
  CREATE INDEX records_uid_idx ON records (uid)`

const MODELS_OF_GRANTS = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode'])

/**
 * Generates the client, in a folder of its own that finds the packages of the project.
 * @returns the folder, and how it is taken away
 */
export async function generateRecordsClient(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await temporaryFolder()
  await symlink(fromHere('../../node_modules'), join(folder, 'node_modules'))
  const schema = join(folder, 'records.prisma')
  await cp(fromHere('../adapters/records.prisma'), schema)
  await runProgram(fromHere('../../node_modules/prisma/build/index.js'), ['generate', '--schema', schema])
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Makes the adapters of one provider. */
export async function createPrismaAdapters(url: string, clientFolder: string): Promise<AdapterFactory> {
  const { PrismaClient } = await import(pathToFileURL(join(clientFolder, 'client/client.ts')).href)
  const client: RecordsClient = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 10 }) })
  return (model) => createPrismaAdapter(client, model)
}

function createPrismaAdapter({ record }: RecordsClient, model: string): Adapter {
  const where = (id: string): Where => ({ model_id: { model, id } })
  return {
    async upsert(id, payload, expiresIn) {
      const data = {
        payload,
        grantId: MODELS_OF_GRANTS.has(model) ? (payload.grantId ?? null) : null,
        uid: payload.uid ?? null,
        expiresAt: expiresIn ? new Date(Date.now() + expiresIn * 1000) : null,
      }
      await record.upsert({ where: where(id), update: data, create: { model, id, ...data } })
    },
    find: async (id) => payloadOf(await record.findUnique({ where: where(id) })),
    findByUid: async (uid) => payloadOf(await record.findFirst({ where: { model, uid } })),
    findByUserCode: async () => undefined,
    async consume(id) {
      await record.update({ where: where(id), data: { consumedAt: new Date() } })
    },
    async destroy(id) {
      await record.deleteMany({ where: { model, id } })
    },
    async revokeByGrantId(grantId) {
      await record.deleteMany({ where: { grantId } })
    },
  }
}

function payloadOf(row: Row | null): AdapterPayload | undefined {
  if (row === null || (row.expiresAt !== null && row.expiresAt < new Date())) return undefined
  return row.consumedAt === null ? row.payload : { ...row.payload, consumed: Math.floor(row.consumedAt.getTime() / 1000) }
}

// What is measured, whoever it is: a server in a process of its own, so that its processor time and memory can be told.

import type { Work } from '../load/steps.ts'

/** A server that runs. */
export interface Target {
  readonly issuer: string
  readonly pid: number
  /** The processes of the stores it uses; each is counted with those below it. */
  readonly storePids: readonly number[]
  /** Whether it answers for JWT access tokens at introspection, userinfo and revocation; the bare library does not. */
  readonly answersForJwts: boolean
  /** The kinds of work that it takes part in, when it does so in its own way and in no other. */
  readonly own?: { readonly [scenario: string]: (callers: number) => Promise<Work> }
  stop(): Promise<void>
}

/** Where a server keeps what it keeps. */
export interface StoreAddresses {
  readonly databaseUrl: string
  readonly redisUrl: string
}

/** The stores that all servers of a run share, each with a database of its own in them. */
export interface Stores {
  readonly pids: readonly number[]
  /** A new database, empty or a copy of another, and a numbered one of Redis. */
  newAddresses(database?: { readonly name?: string; readonly copyOf?: string }): Promise<StoreAddresses>
}

/** Starts a server. `stores` is not given to one that needs none. */
export type StartTarget = (stores: StoreAddresses, pids: readonly number[]) => Promise<Target>

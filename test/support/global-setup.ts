// Before the tests: a real PostgreSQL and a real Redis. What is begun here is ended by global-teardown, also when tests failed.
import { type Endings, providePostgres, provideRedis } from './servers.ts'

declare global {
  /** How global-teardown, which shares nothing else with us, learns what to end. */
  var endServersOfTests: (() => Promise<void>) | undefined
}

export default async function globalSetup(): Promise<void> {
  const endings: Endings = []
  const endAll = async () => {
    for (const end of endings.splice(0)) await end()
  }
  globalThis.endServersOfTests = endAll
  const outcomes = await Promise.allSettled([providePostgres(endings), provideRedis(endings)])
  const failure = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failure === undefined) return
  await endAll()
  throw failure.reason
}

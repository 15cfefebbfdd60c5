// Before the tests: a real PostgreSQL and a real Redis. What is begun here is ended by global-teardown, also when tests failed.
import { installChromium } from './chromium.ts'
import { type Endings, providePostgres, provideRedis } from './servers.ts'

declare global {
  /** How global-teardown, which shares nothing else with us, learns what to end. */
  var endServersOfTests: (() => Promise<void>) | undefined
}

/** Of what jest hands over: which files were asked for. */
interface Asked {
  readonly testPathPatterns: { readonly patterns: readonly string[] }
}

export default async function globalSetup({ testPathPatterns }: Asked): Promise<void> {
  // Of all tests some in each worker want a browser: none is to wait for it in its own time, and no two may install at once.
  if (testPathPatterns.patterns.length === 0) installChromium()
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

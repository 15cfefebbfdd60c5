// After the tests: ends the servers that global-setup began.
import './global-setup.ts'

export default async function globalTeardown(): Promise<void> {
  await globalThis.endServersOfTests?.()
}

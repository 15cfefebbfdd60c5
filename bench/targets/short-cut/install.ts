// Loaded before the server when it is measured: puts a short cut in front of the processes that hash passwords. The source
// of the server is as it is in production; only who asks for its hashing pool is given the one beside this file.

import { registerHooks } from 'node:module'

const SHORT_CUT = new URL('./hashing-pool.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, nextResolve) {
    const isThePool = specifier.endsWith('/hashing-pool.ts') && context.parentURL?.endsWith('/server/accounts/passwords.ts')
    return isThePool === true
      ? { url: SHORT_CUT, format: 'module-typescript', shortCircuit: true }
      : nextResolve(specifier, context)
  },
})

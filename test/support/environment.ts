// The environment of this process, for programs that are run within it.

/**
 * Runs something with these variables, and without those of Latchkey that are there. Not two at once: there is one environment.
 */
export async function withEnvironment<Result>(
  variables: { readonly [name: string]: string },
  work: () => Promise<Result>,
): Promise<Result> {
  const before = { ...process.env }
  for (const name of Object.keys(before)) if (name.startsWith('LATCHKEY_')) delete process.env[name]
  Object.assign(process.env, variables)
  try {
    return await work()
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name]
    Object.assign(process.env, before)
  }
}

// What runs beside the server once it listens: the socket for the command line, and the demo's apps.
import type { Config } from '../../config/config.ts'
import { listenForCommands } from '../commands/control-socket.ts'
import { createCommandHandlers } from '../commands/handlers.ts'
import type { Latchkey } from '../compose.ts'

/** What runs beside, until it is disposed of. */
export interface Extras extends AsyncDisposable {
  /** Lines about the demo for the person at the terminal. */
  readonly demoLines: readonly string[]
}

/** Starts it. */
export async function startExtras({
  config,
  latchkey,
}: {
  readonly config: Config
  readonly latchkey: Latchkey
}): Promise<Extras> {
  const { demo } = latchkey.announcements
  await using started = new AsyncDisposableStack()
  if (config.database === 'embedded') {
    started.use(await listenForCommands({ dataDir: config.dataDir, handlers: createCommandHandlers({ config, latchkey }) }))
  }
  // The demo is not even loaded where it is off.
  const apps =
    demo === undefined
      ? undefined
      : await (await import('../commands/demo.ts')).startDemo({ access: demo, issuer: config.issuer })
  started.defer(async () => apps?.close())
  const stack = started.move()
  return { demoLines: apps?.lines ?? [], [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

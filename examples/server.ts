// What every example needs and none is about: taking a port, giving it back, reading bodies and settings, and saying what
// went wrong.
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An example that runs. */
export interface RunningExample {
  /** Where people and programs find it, without a slash at the end. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Listens on this machine only; port 0 takes any that is free.
 * @throws Error with one line that names the port and the fix, when the port is taken or not allowed
 */
export async function listen(server: Server, port: number): Promise<RunningExample> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(portFault(error, port), { cause: error })))
    // Exclusive: the processes of a cluster would share the port, and sessions in memory cannot be shared.
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
  })
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://localhost:${taken}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Starts an example as a program of its own: one line when it is ready, one line and exit code 1 when it cannot start. */
export async function runAlone(name: string, start: () => Promise<RunningExample>): Promise<void> {
  try {
    const { url, close } = await start()
    console.log(`${name}: ${url}`)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close())
  } catch (error) {
    console.error(`${name} cannot start: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}

/** The body of a request as text; undefined when it is longer than `most` bytes. */
export async function readText(request: IncomingMessage, most: number): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= most) chunks.push(chunk)
  }
  return size > most ? undefined : Buffer.concat(chunks).toString('utf8')
}

/** A setting of the environment. @throws Error that names it, when it is missing and has no default */
export function setting(name: string, byDefault?: string): string {
  const value = process.env[name] || byDefault
  if (value === undefined) throw new Error(`set ${name} (see the README beside this file)`)
  return value
}

/** A port from the environment. @throws Error that names it */
export function portSetting(byDefault: number): number {
  const port = Number(setting('PORT', String(byDefault)))
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('PORT must be a number from 0 to 65535')
  return port
}

function portFault({ code, message }: NodeJS.ErrnoException, port: number): string {
  if (code === 'EADDRINUSE') return `port ${port} is in use; stop what uses it, or choose another with PORT=…`
  if (code === 'EACCES') return `it may not listen on port ${port}; choose one above 1023 with PORT=…`
  return message
}

// A TCP proxy that breaks on demand, so that one process can be cut off from one store while all others go on.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** A proxy before one server. It begins open. */
export interface TcpProxy {
  readonly port: number
  /** Resets the connections there are; new ones are made as ever. */
  cut(): void
  /** Resets the connections there are, and every new one at once. */
  refuse(): void
  /** Nothing comes through, and nobody is told. What is sent meanwhile arrives when the proxy is open again. */
  hang(): void
  /** Whatever is sent arrives so much later, in each direction. */
  slow(milliseconds: number): void
  /** New connections go to another port of this machine. */
  pointTo(port: number): void
  /** All is well again. */
  heal(): void
  close(): void
}

type State = 'open' | 'refusing' | 'hanging'

/** One direction of a connection. */
interface Direction {
  readonly from: Socket
  readonly to: Socket
  /** When the last piece is due, so that none overtakes another. */
  dueAt: number
}

/** Starts a proxy for a port of this machine. */
export async function startTcpProxy(first: number): Promise<TcpProxy> {
  let target = first
  let state: State = 'open'
  let delayMs = 0
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()

  /** Does something as soon as the proxy does not hang. */
  const whenItFlows = (work: () => void) => void (state === 'hanging' ? waiting.add(work) : work())

  const carry = ({ from, to, ...timing }: Direction) => {
    const later = (work: () => void) => {
      const now = performance.now()
      timing.dueAt = Math.max(timing.dueAt, now + delayMs)
      if (timing.dueAt <= now) work()
      else setTimeout(work, timing.dueAt - now)
    }
    from.on('data', (data) => later(() => void (to.destroyed || to.write(data))))
    from.on('end', () => later(() => to.end()))
    from.on('error', () => undefined)
    from.on('close', () => {
      sockets.delete(from)
      whenItFlows(() => later(() => to.destroy()))
    })
  }

  const server = createServer((near) => {
    if (state === 'refusing') return void near.resetAndDestroy()
    near.pause()
    sockets.add(near)
    near.on('error', () => undefined)
    whenItFlows(() => {
      const far = connect(target, '127.0.0.1')
      sockets.add(far)
      near.setNoDelay(true)
      far.setNoDelay(true)
      carry({ from: near, to: far, dueAt: 0 })
      carry({ from: far, to: near, dueAt: 0 })
      if (state === 'hanging') far.pause()
      else near.resume()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const reset = () => {
    for (const socket of sockets) {
      // One that is being closed cannot be reset any more, and would stay open for ever.
      if (socket.connecting || socket.writableEnded) socket.destroy()
      else socket.resetAndDestroy()
    }
    sockets.clear()
  }
  const flow = () => {
    state = 'open'
    for (const work of waiting) work()
    waiting.clear()
    for (const socket of sockets) socket.resume()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut: reset,
    refuse() {
      state = 'refusing'
      reset()
    },
    hang() {
      state = 'hanging'
      for (const socket of sockets) socket.pause()
    },
    slow(milliseconds) {
      delayMs = milliseconds
    },
    pointTo(port) {
      target = port
    },
    heal() {
      delayMs = 0
      flow()
    },
    close() {
      state = 'refusing'
      waiting.clear()
      reset()
      server.close()
    },
  }
}

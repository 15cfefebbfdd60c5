// Loaded before each server that is measured: SIGUSR2 begins a profile of its processor time, and the next one ends it and
// puts it where `profilePath` says.

import { renameSync, writeFileSync } from 'node:fs'
import type { Session } from 'node:inspector/promises'
import { profilePath } from './path.ts'

const SAMPLE_EVERY_MICROSECONDS = 250

let session: Session | undefined

process.on('SIGUSR2', () => void toggle())

async function toggle(): Promise<void> {
  if (session === undefined) {
    // Loaded when it is wanted: a server that is not profiled must not be larger for it.
    const inspector = await import('node:inspector/promises')
    session = new inspector.Session()
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROSECONDS })
    await session.post('Profiler.start')
    return
  }
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  session = undefined
  const path = profilePath(process.pid)
  // It appears when it is whole.
  writeFileSync(`${path}.part`, JSON.stringify(profile))
  renameSync(`${path}.part`, path)
}

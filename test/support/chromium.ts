// Chromium for tests: the Debian package, driven by playwright-core, which brings no browser of its own.
import { type Browser, chromium } from 'playwright-core'
import { findProgram, installDebianPackage } from './server-process.ts'

/** Nothing that reaches beyond this machine, and nothing that a container cannot do. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Installs it where it is not there and can be: that may take a minute. */
export function installChromium(): void {
  if (findProgram('chromium') === undefined) installDebianPackage('chromium')
}

/** Starts a browser. @throws Error that says how to get one, when there is none and it cannot be installed */
export async function launchChromium(): Promise<Browser> {
  installChromium()
  const executablePath = findProgram('chromium')
  if (executablePath === undefined) {
    throw new Error('The browser tests need Chromium, and there is none: on Debian, apt-get install chromium.')
  }
  return chromium.launch({ executablePath, args: ARGUMENTS })
}

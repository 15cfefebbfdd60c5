// The files that pages need beside themselves, read once. An address has the hash of its content, so that browsers may keep
// the file for ever.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A file and where it is served. */
export interface Asset {
  readonly path: string
  /** The `Content-Type`. */
  readonly type: string
  readonly body: Buffer
}

const stylesheet = readAsset('latchkey', 'css', 'text/css; charset=utf-8')
const icon = readAsset('favicon', 'svg', 'image/svg+xml')

const consoleStylesheet = readAsset('console', 'css', 'text/css; charset=utf-8')
const consoleScript = readAsset('console', 'js', 'text/javascript; charset=utf-8')

/** All files, for the one who serves them. */
export const assets: readonly Asset[] = [stylesheet, icon, consoleStylesheet, consoleScript]

/** The address of the style sheet. */
export const stylesheetHref: string = stylesheet.path

/** What the console's pages have besides. */
export const consoleStylesheetHref: string = consoleStylesheet.path
export const consoleScriptSrc: string = consoleScript.path

/** The address of the icon. */
export const iconHref: string = icon.path

function readAsset(name: string, extension: string, type: string): Asset {
  const body = readFileSync(new URL(`./assets/${name}.${extension}`, import.meta.url))
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12)
  return { path: `/assets/${name}.${hash}.${extension}`, type, body }
}

// What a device is called in lists of sessions, from the user agent it sends. A hint for the person who reads the list:
// anyone can send any user agent, so nothing is decided by it.
import Bowser from 'bowser'

/** "Chrome on Windows"; "Unknown device" when nothing is known. */
export function deviceName(userAgent?: string): string {
  if (userAgent === undefined || userAgent.trim() === '') return 'Unknown device'
  // The text is the sender's. What matters stands at its beginning, and patterns are not run over more than that.
  const parsed = Bowser.parse(userAgent.slice(0, 400))
  const browser = parsed.browser.name ?? ''
  const system = systemName(parsed.os.name ?? '', parsed.platform)
  if (browser === '' && system === '') return 'Unknown device'
  if (browser === '') return `Unknown browser on ${system}`
  return system === '' ? browser : `${browser} on ${system}`
}

function systemName(os: string, platform: { readonly type?: string; readonly model?: string }): string {
  // "iOS" says less to people than the name of what is in their hand.
  if (os === 'iOS') return platform.type === 'tablet' ? 'iPad' : (platform.model ?? 'iPhone')
  return os
}

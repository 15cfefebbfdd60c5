// Front-channel logout (OpenID Connect Front-Channel Logout 1.0): apps that can only be told by the browser are, by frames on the page
// after a sign-out. Whoever listens to the server itself (back-channel logout) is told that way alone, which does not depend on what
// a browser lets frames do.
import type { Registry } from './registry.ts'

/** What a session holds of a client. */
export type SessionClients = Readonly<Record<string, { readonly sid?: string | undefined }>>

/** A page has no more frames than that. */
const MOST_FRAMES = 50

/** The addresses by which the apps of a session hear that it is over. */
export async function frontChannelUrls(
  { registry, issuer }: { readonly registry: Registry; readonly issuer: string },
  clients: SessionClients,
): Promise<string[]> {
  const urls = await Promise.all(
    Object.entries(clients).map(async ([clientId, { sid }]) => {
      const metadata = (await registry.client(clientId))?.metadata
      const uri: unknown = metadata?.frontchannel_logout_uri
      if (typeof uri !== 'string' || metadata?.backchannel_logout_uri !== undefined) return []
      const url = new URL(uri)
      // §2: both, or none; they tell the app which of its sessions is meant, and that it was not just anybody who framed it.
      url.searchParams.set('iss', issuer)
      if (sid !== undefined) url.searchParams.set('sid', sid)
      return [url.href]
    }),
  )
  return urls.flat().slice(0, MOST_FRAMES)
}

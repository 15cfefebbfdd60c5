// Client metadata that the library does not know and takes because it is told to.

/** Of Latchkey's own (docs/provision-file.md), and of specifications. */
export const ADDED_CLIENT_METADATA = [
  'skip_consent',
  'require_pkce',
  'rotate_refresh_tokens',
  'refresh_replay_window',
  // RFC 9701 §6; the library knows it only where it signs the answers itself.
  'introspection_signed_response_alg',
  // OpenID Connect Front-Channel Logout 1.0 §2.
  'frontchannel_logout_uri',
  'frontchannel_logout_session_required',
] as const

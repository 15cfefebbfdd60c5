// Why a token request is refused once it is known which app sends it: in plain words.
import type { CauseWords } from './cause-words.ts'

const RESTART = 'Send the person to the authorization endpoint again.'

/** The causes. */
export const TOKEN_CAUSES = {
  grant_type_unsupported: {
    summary: 'The server does not know this grant_type.',
    change: 'Ask with one that is expected. Passwords of people are never taken (RFC 9700 §2.4).',
  },
  grant_type_not_allowed: {
    summary: 'The app is not registered for this grant_type.',
    change: 'Add it to grant_types of the registration, or ask with one that is there.',
  },
  code_unknown: {
    summary: 'There is no such code, or none that is still good: a code is good for a minute.',
    change: `Redeem the code at once when the browser brings it, as it came, at the server that gave it. ${RESTART}`,
  },
  code_used: {
    summary: 'The code was redeemed before. What it had been traded for has ended, since two had it.',
    change:
      'Redeem each code once: look for a callback that runs twice (a page loaded again, a framework that renders twice, a retry).',
  },
  code_redirect_uri: {
    summary: 'The redirect_uri is another one than the code was asked for with.',
    change: 'Send the redirect_uri of the authorization request again, the very same text.',
  },
  pkce_verifier_missing: {
    summary: 'The code was asked for with a code_challenge, and came without a code_verifier.',
    change: 'Keep the code_verifier until the person comes back, and send it with the code.',
  },
  pkce_verifier_wrong: {
    summary: 'The code_verifier does not belong to the code_challenge with which the code was asked for.',
    change:
      'Keep a code_verifier for each authorization request, under its state: two tabs, or a second try, must not write over it.',
  },
  pkce_verifier_plain: {
    summary: 'The code_challenge was the code_verifier itself, and not its SHA-256.',
    change: 'Send the base64url of the SHA-256 of the code_verifier as code_challenge, without padding (RFC 7636 §4.2).',
  },
  pkce_verifier_malformed: {
    summary: 'The code_verifier has the wrong length, or characters that it must not have.',
    change: 'Make 32 random bytes and send their base64url: 43 characters (RFC 7636 §4.1).',
  },
  pkce_verifier_unexpected: {
    summary: 'A code_verifier came with a code that was asked for without a code_challenge.',
    change: 'Send the code_challenge with the authorization request.',
  },
  other_client: {
    summary: 'The code or refresh token was given to another app.',
    change: 'Use what an app was given with its own client_id only: see which of two configurations is in use.',
  },
  sender_key: {
    summary: 'The code or refresh token is bound to a key or certificate that the request did not show.',
    change: 'Send a DPoP proof by the same key, or connect with the same certificate, as when it was asked for.',
  },
  grant_ended: {
    summary: 'What the person had allowed has ended.',
    change: RESTART,
  },
  refresh_token_unknown: {
    summary: 'There is no such refresh token, or none that is still good.',
    change: `${RESTART} An app must expect that at any time.`,
  },
  refresh_token_reused: {
    summary:
      'The refresh token had been used before, and another one given in its place. Somebody else may have had it, so the grant has ended.',
    change: `Keep the newest refresh token, in one place for all threads and processes of the app, before the answer is used. ${RESTART}`,
  },
  refresh_token_changed: {
    summary:
      'The refresh token is not the one that was given: it is of the newest generation, and its secret is another one. It was changed on the way, or made up, so the grant has ended.',
    change: `Keep the refresh token as it came, every character: look for a field that changes upper and lower case. ${RESTART}`,
  },
  scope_not_granted: {
    summary: 'The refresh asks for more than the person has agreed to.',
    change: `Leave scope out, or ask for less. For more: ${RESTART.toLowerCase()}`,
  },
  proof_clock: {
    summary: 'The DPoP proof is not of this time.',
    change: 'Set the clock of the device, or use the nonce that the answer brings in its DPoP-Nonce header.',
  },
  proof_replayed: {
    summary: 'The DPoP proof was used before.',
    change: 'Make a new proof with a new jti for each request, also when it is tried again.',
  },
  proof_malformed: {
    summary: 'The DPoP proof is not one for this request.',
    change:
      'Make it for the method and the address of the request (htm, htu), with typ dpop+jwt and the public key in the header.',
  },
} as const satisfies { readonly [cause: string]: CauseWords }

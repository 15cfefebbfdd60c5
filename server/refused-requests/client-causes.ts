// Why an app is not taken for the one that it says it is, or may not ask from where it asks: in plain words.
import type { CauseWords } from './cause-words.ts'

/** The causes. */
export const CLIENT_CAUSES = {
  client_unknown: {
    summary: 'No app is registered under this client_id.',
    change: 'Compare the client_id with the registration, letter by letter, and see that the app asks the right server.',
  },
  client_suspended: {
    summary: 'The app is suspended.',
    change: 'Nothing in the app: an administrator has suspended it, and can reinstate it.',
  },
  client_secret_as_id: {
    summary: 'The client_id and the secret were exchanged: the secret came in the place of the client_id.',
    change: 'Exchange the two in the configuration of the app. Then replace the secret, which may stand in logs as a name.',
  },
  client_auth_method: {
    summary: 'The app showed who it is in another way than it is registered for.',
    change: 'Let the app authenticate as it is registered, or change token_endpoint_auth_method of the registration.',
  },
  client_auth_header: {
    summary: 'The Authorization header cannot be read.',
    change:
      'Send Basic and the base64 of client_id, a colon and the secret, each encoded as in a form (RFC 6749 §2.3.1); or the two in the body.',
  },
  client_auth_twice: {
    summary: 'The app showed who it is in two ways at once.',
    change: 'Send the secret in the Authorization header or in the body, not in both, and no client_assertion beside it.',
  },
  client_auth_missing: {
    summary: 'The request does not say which app sends it.',
    change: 'Send the client_id; and the secret, if the app has one. A proxy may have taken the Authorization header away.',
  },
  client_id_mismatch: {
    summary: 'The request names two different apps.',
    change: 'Send the same client_id in the body as in the Authorization header or in the client_assertion, or leave it out.',
  },
  secret_wrong: {
    summary: 'The secret is none of the app’s.',
    change:
      'Take the secret that the app was given. If nobody has it any more, make another one: the old one stays good meanwhile.',
  },
  secret_expired: {
    summary: 'The secret was the app’s, and is no longer good.',
    change: 'Give the app the secret that took its place.',
  },
  secret_missing: {
    summary: 'No secret of the app is good any more, or it never had one.',
    change: 'Make a secret for the app.',
  },
  secret_with_spaces: {
    summary: 'The secret is right, but for a space or a line break around it.',
    change: 'Take the blank characters from the secret: files and environment variables often end with a line break.',
  },
  secret_encoded: {
    summary: 'The secret is right, but it was encoded once too often, or not at all.',
    change: 'In the Authorization header client_id and secret are encoded as in a form before base64 (RFC 6749 §2.3.1), once.',
  },
  assertion_clock: {
    summary: 'The client_assertion is not good at this time.',
    change:
      'Set the clock of the host by NTP, and make a new client_assertion for each request, which expires within five minutes.',
  },
  assertion_audience: {
    summary: 'The client_assertion is for another server.',
    change: 'Put the issuer into aud, exactly as it stands in the discovery document.',
  },
  assertion_issuer: {
    summary: 'The client_assertion does not name the app in iss and sub.',
    change: 'Put the client_id into iss and into sub.',
  },
  assertion_replayed: {
    summary: 'The client_assertion was used before, or has no jti that tells it from others.',
    change: 'Make a new client_assertion with a new, random jti for each request, also when it is tried again.',
  },
  assertion_algorithm: {
    summary: 'The client_assertion is signed by an algorithm that is not taken.',
    change: 'Sign it with one that is expected, and with a key of that kind.',
  },
  assertion_signature: {
    summary: 'The client_assertion is signed by none of the app’s registered keys.',
    change: 'Register the public key (jwks), or see that jwks_uri can be fetched and has it under the same kid.',
  },
  assertion_malformed: {
    summary: 'The client_assertion is no JWT as it must be.',
    change: 'Send a signed JWT with iss, sub, aud, exp and jti (RFC 7523 §3), and the client_assertion_type that belongs to it.',
  },
  certificate: {
    summary: 'The client certificate is missing, or not the app’s.',
    change: 'Let the app connect with its certificate, and see that the proxy hands it on and that the registration fits it.',
  },
  origin_not_allowed: {
    summary: 'The page that sent the request is of an origin from which the app may not ask.',
    change: 'Register a redirect URI of that origin: pages may ask from the origins of the redirect URIs.',
  },
  signs_nobody_in: {
    summary: 'The app is a program without people, and signs nobody in.',
    change:
      'Let it ask for itself, at the token endpoint and not from a page. Where people are to sign in, register another app for them.',
  },
  content_type: {
    summary: 'The body is not a form.',
    change: 'Send the parameters as application/x-www-form-urlencoded. JSON is not taken.',
  },
  body_unreadable: {
    summary: 'The body cannot be read.',
    change: 'See that the body is a form, is as long as Content-Length says, and has not more than 56 KiB.',
  },
} as const satisfies { readonly [cause: string]: CauseWords }

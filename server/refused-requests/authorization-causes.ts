// Why an authorization request is refused, or a sign-out: in plain words.
import type { CauseWords } from './cause-words.ts'

/** The causes. */
export const AUTHORIZATION_CAUSES = {
  redirect_uri: {
    summary: 'The redirect_uri is none of those that are registered for the app.',
    change: 'Register the one that was received, or send one that is registered. They are compared as they are written.',
  },
  post_logout_redirect_uri: {
    summary: 'The post_logout_redirect_uri is none of those that are registered for the app.',
    change:
      'Register the one that was received under post_logout_redirect_uris, or send one that is registered. They are compared as written.',
  },
  parameter_missing: {
    summary: 'A parameter is missing.',
    change: 'Send what is expected. An empty parameter counts as missing.',
  },
  parameter_repeated: {
    summary: 'A parameter came twice.',
    change: 'Send it once: look for one that stands in the configured address already.',
  },
  pkce_missing: {
    summary: 'The request has no code_challenge, and the app must send one.',
    change: 'Turn PKCE on in the app. If it is old and confidential, require_pkce: false in its registration lets it off.',
  },
  pkce_method: {
    summary: 'The code_challenge_method is not S256.',
    change: 'Send code_challenge_method=S256 beside the code_challenge, in capitals.',
  },
  pkce_challenge_malformed: {
    summary: 'The code_challenge is no SHA-256 in base64url.',
    change: 'Send the 43 characters of base64url without padding: no hexadecimal digits, no +, / or = (RFC 7636 §4.2).',
  },
  response_type: {
    summary: 'The response_type is not one that the app can have.',
    change: 'Send response_type=code. Tokens are not given out in addresses (RFC 9700 §2.1.2).',
  },
  response_mode: {
    summary: 'The response_mode is not one that fits.',
    change: 'Leave response_mode out, or send query or form_post.',
  },
  scope_malformed: {
    summary: 'The scope has characters that no scope has.',
    change: 'Send words with one space between them, encoded once.',
  },
  scope_not_allowed: {
    summary: 'The app asks for a scope that it is not registered for.',
    change: 'Add it to scope of the registration, or do not ask for it.',
  },
  resource_unknown: {
    summary: 'No API is registered by this identifier.',
    change: 'Send the identifier of a resource server exactly as it is registered, or register it.',
  },
  resource_not_allowed: {
    summary: 'The app may have none of the scopes of this API.',
    change: 'Add a scope of the API to scope of the registration.',
  },
  resource_malformed: {
    summary: 'The resource is not the identifier of an API.',
    change: 'Send an absolute URI without a fragment, such as https://api.example (RFC 8707 §2).',
  },
  resource_several: {
    summary: 'The request names several APIs, and an access token is for one.',
    change: 'Name one resource in each token request; the authorization request may name several.',
  },
  resource_not_granted: {
    summary: 'The person was not asked about this API.',
    change: 'Name the resource in the authorization request as well, with its scopes.',
  },
  openid_missing: {
    summary: 'The request uses what OpenID Connect has, without the scope openid.',
    change: 'Add openid to scope, or leave the parameter out.',
  },
  id_token_hint: {
    summary: 'The id_token_hint is no ID token that this server has given to the app.',
    change: 'Send the ID token as it was received, or leave it out.',
  },
  prompt: {
    summary: 'The prompt is not one that is known, or none came together with another.',
    change: 'Send login, consent, or none alone.',
  },
  max_age: {
    summary: 'The max_age is no number of seconds.',
    change: 'Send a whole number, 0 or more.',
  },
  not_supported: {
    summary: 'The request uses a parameter that this server does not take: request, request_uri or registration.',
    change: 'Send the parameters as they are, or push the request to /par first.',
  },
  pushed_request_spent: {
    summary: 'The request_uri was used before, or its minute is over.',
    change: 'Push each request anew, and send the browser on at once.',
  },
  login_required: {
    summary: 'The app asked with prompt=none, and nobody is signed in in that browser, or not lately enough.',
    change: 'Nothing is wrong: ask again without prompt=none. Browsers keep cookies from frames of other sites.',
  },
  consent_required: {
    summary: 'The app asked with prompt=none, and the person has not agreed to all that it asks for.',
    change: 'Nothing is wrong: ask again without prompt=none.',
  },
  person_declined: {
    summary: 'The person went back, or may not sign in.',
    change: 'Nothing is wrong. Show a page from which one can try again.',
  },
  sign_in_lost: {
    summary:
      'The sign-in took too long, was finished already, was begun in another browser, or all that the account had was ended meanwhile.',
    change: 'Nothing is wrong, if it is rare. Otherwise look for a link to a sign-in page that was kept, and for lost cookies.',
  },
} as const satisfies { readonly [cause: string]: CauseWords }

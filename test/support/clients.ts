// The clients and APIs that the tests' provision file registers.

/** A client of the tests. */
export interface TestClient {
  readonly client_id: string
  readonly client_secret?: string
  readonly redirect_uri: string
  readonly scope: string
}

/** A public client with every scope, as single-page apps are. */
export const SPA: TestClient = {
  client_id: 'notes-spa',
  redirect_uri: 'https://spa.example/callback',
  scope: 'openid profile email notes:read notes:write',
}

/** A confidential client. */
export const WEB: TestClient = {
  client_id: 'notes-web',
  client_secret: 'a-secret-of-the-web-app-that-is-long-enough',
  redirect_uri: 'https://web.example/callback',
  scope: 'openid profile email notes:read',
}

/** A client of somebody else, for which consent is asked. */
export const PARTNER: TestClient = {
  client_id: 'partner',
  client_secret: 'a-secret-of-the-partner-that-is-long-enough',
  redirect_uri: 'https://partner.example/callback',
  scope: 'openid profile email offline_access notes:read',
}

/** A client that acts for itself. */
export const MACHINE = { client_id: 'reports', client_secret: 'a-secret-of-the-reports-that-is-long-enough' }

/** The client that the notes API is. */
export const API = { client_id: 'notes-api', client_secret: 'a-secret-of-the-notes-api-that-is-long-enough' }

/** The notes API, and another one. */
export const NOTES = 'https://notes.example/api'
export const BILLING = 'https://billing.example/api'

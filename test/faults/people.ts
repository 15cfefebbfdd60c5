// Who takes part in a fault run: the apps, the API, and the people.
import { makePasswordHash } from '../../server/accounts/password-hashes.ts'
import { API, NOTES, type TestClient } from '../support/clients.ts'

/** An app whose replay window is so long that a lost answer can always be asked for again. */
export const PATIENT: TestClient = {
  client_id: 'patient-app',
  redirect_uri: 'https://patient.example/callback',
  scope: 'openid email notes:read',
}

/** One whose window is short, so that it can be missed. */
export const HASTY: TestClient = {
  client_id: 'hasty-app',
  client_secret: 'a-secret-of-the-hasty-app-that-is-long-enough',
  redirect_uri: 'https://hasty.example/callback',
  scope: 'openid email notes:read',
}

export const APPS = [PATIENT, HASTY] as const

/** In seconds. */
export const REPLAY_WINDOWS = { [PATIENT.client_id]: 120, [HASTY.client_id]: 3 } as const

/** The requests to people's pages that one address may make; so few that a burst is more. */
export const KNOCKS = 20

/** Who signs in. Several clients share a person, so that a sign-out everywhere is felt by others. */
export const PEOPLE = Array.from({ length: 8 }, (_, index) => ({
  username: `person-${index}@people.example`,
  password: `a password of person ${index} that is long`,
}))

/** Whom guards listen as. */
export const GUARD = { client_id: 'notes-guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }

/** As the program makes them when nothing is set; made once, and not by each process of each cluster that starts. */
const HASHES = await Promise.all(
  PEOPLE.map(({ password }) => makePasswordHash(password, { memoryKiB: 19_456, passes: 2, parallelism: 1 })),
)

export const PROVISION = {
  clients: [
    ...APPS.map((app) => ({
      client_id: app.client_id,
      client_name: app.client_id,
      ...(app.client_secret === undefined ? { token_endpoint_auth_method: 'none' } : { client_secret: app.client_secret }),
      redirect_uris: [app.redirect_uri],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: app.scope,
      skip_consent: true,
      refresh_replay_window: REPLAY_WINDOWS[app.client_id],
    })),
    { ...API, grant_types: ['client_credentials'] },
    { ...GUARD, grant_types: ['client_credentials'], scope: 'revocations:read' },
  ],
  resource_servers: [{ identifier: NOTES, scopes: ['notes:read'], default: true, clients: [API.client_id] }],
  accounts: PEOPLE.map(({ username }, index) => ({
    email: username,
    email_verified: true,
    name: 'A Person',
    password_hash: HASHES[index],
  })),
}

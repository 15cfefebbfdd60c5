// The server's own client: its pages are an app like any other, so that people meet one sign-in everywhere.
import type { Database } from '../storage/postgres.ts'

/** The client that our own pages are. */
export const OWN_CLIENT_ID = 'latchkey-account'

/** Where its sign-in comes back to. */
export const OWN_CALLBACK_PATH = '/account/callback'

/** Registers the client, or brings its addresses up to date. */
export async function registerOwnClient(db: Database, issuer: string): Promise<void> {
  const metadata = {
    client_name: 'Your account',
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [`${issuer}${OWN_CALLBACK_PATH}`],
    scope: 'openid',
    skip_consent: true,
  }
  // One statement, and only when something differs: processes that start at once do not raise the registry's version.
  await db.$executeRaw`
    INSERT INTO clients AS known (id, metadata, managed_by) VALUES (${OWN_CLIENT_ID}, ${JSON.stringify(metadata)}::jsonb, 'latchkey')
    ON CONFLICT (id) DO UPDATE SET metadata = EXCLUDED.metadata, managed_by = 'latchkey', updated_at = latchkey_now()
    WHERE known.metadata IS DISTINCT FROM EXCLUDED.metadata OR known.managed_by IS DISTINCT FROM 'latchkey'`
}

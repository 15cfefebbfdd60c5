-- The way back from the first schema: everything goes.
DROP TABLE
  revocation_counter,
  revocations,
  replay_ids,
  redeemed_codes,
  access_tokens,
  refresh_families,
  session_clients,
  signing_keys,
  consents,
  registry_version,
  resource_server_clients,
  client_secrets,
  audit_events,
  setup_links,
  passwords,
  grants,
  sessions,
  resource_servers,
  clients,
  accounts;
DROP FUNCTION latchkey_raise_registry_version();
DROP FUNCTION latchkey_now();

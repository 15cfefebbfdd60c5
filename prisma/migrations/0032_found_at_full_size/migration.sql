-- People are looked for by any word of their name, among a million of them. What a name begins with has an index; here is what it is
-- from each further word on: "lovelace" of Ada Lovelace. A trigger keeps it, whoever changes a name.
CREATE TABLE account_name_ends (
  account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE ON UPDATE CASCADE,
  name_end   TEXT NOT NULL,
  CONSTRAINT account_name_ends_pkey PRIMARY KEY (account_id, name_end)
);

-- Of a name with very many words not each has to be found.
CREATE FUNCTION latchkey_name_ends(name text) RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT DISTINCT pg_catalog.lower(pg_catalog.array_to_string(words[n:], ' '))
  FROM (SELECT pg_catalog.regexp_split_to_array(pg_catalog.btrim(name), '\s+') AS words) AS split,
    pg_catalog.generate_series(2, LEAST(pg_catalog.cardinality(words), 8)) AS n
$$;

INSERT INTO account_name_ends (account_id, name_end)
  SELECT a.id, e FROM accounts a, latchkey_name_ends(a.name) AS e WHERE a.name IS NOT NULL AND a.status <> 'deleted';
CREATE INDEX account_name_ends_beginning_idx ON account_name_ends (name_end COLLATE "C", account_id);

CREATE FUNCTION latchkey_keep_name_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM account_name_ends WHERE account_id = NEW.id;
  END IF;
  IF NEW.name IS NOT NULL THEN
    INSERT INTO account_name_ends (account_id, name_end) SELECT NEW.id, e FROM latchkey_name_ends(NEW.name) AS e;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_name_made AFTER INSERT ON accounts FOR EACH ROW WHEN (NEW.name IS NOT NULL)
  EXECUTE FUNCTION latchkey_keep_name_ends();
CREATE TRIGGER accounts_name_changed AFTER UPDATE OF name ON accounts FOR EACH ROW WHEN (NEW.name IS DISTINCT FROM OLD.name)
  EXECUTE FUNCTION latchkey_keep_name_ends();

-- What a file or the demo made is looked for at each start.
CREATE INDEX accounts_managed_by_idx ON accounts (managed_by) WHERE managed_by IS NOT NULL;

-- Sessions by how they were signed in to: of what few have, the latest. And those on a device that is new to the account, as it was
-- when they began. Neither changes afterwards, so that ends and uses write into none of these indexes.
CREATE INDEX sessions_methods_idx ON sessions (methods, started_at DESC, id DESC);
ALTER TABLE sessions ADD COLUMN new_device BOOLEAN NOT NULL DEFAULT false;
UPDATE sessions SET new_device = true WHERE id IN (
  SELECT DISTINCT ON (account_id, user_agent) id FROM sessions ORDER BY account_id, user_agent, started_at, id);
CREATE INDEX sessions_new_device_idx ON sessions (started_at DESC, id DESC) WHERE new_device;

CREATE FUNCTION latchkey_note_new_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.new_device := NOT EXISTS (
    SELECT FROM sessions p WHERE p.account_id = NEW.account_id AND p.started_at < NEW.started_at
      AND p.user_agent IS NOT DISTINCT FROM NEW.user_agent);
  RETURN NEW;
END $$;
CREATE TRIGGER sessions_new_device BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION latchkey_note_new_device();

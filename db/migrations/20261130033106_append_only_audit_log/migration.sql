-- What db/schema/ cannot express.

-- Every API call updates a slot. Without WAL this waits for no disk; a crash empties the table and resets every budget.
ALTER TABLE lethe.slots SET UNLOGGED;

-- The audit log is append-only.
CREATE FUNCTION lethe.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit_events is append-only'; END $$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lethe.audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION lethe.refuse_change();

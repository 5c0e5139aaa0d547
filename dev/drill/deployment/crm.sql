-- The second system of the drill, on a server of its own.
CREATE SCHEMA crm;
CREATE TABLE crm.contacts (user_id text PRIMARY KEY, phone text, plan text, hidden_at timestamptz);
CREATE TABLE crm.notes (note_id bigint PRIMARY KEY, user_id text NOT NULL REFERENCES crm.contacts, body text, channel text);
CREATE INDEX notes_user ON crm.notes (user_id);
-- A ticket belongs to the person who opened it and only refers to the person who approved it.
CREATE TABLE crm.tickets (
  ticket_id bigint PRIMARY KEY, user_id text NOT NULL REFERENCES crm.contacts, approved_by text REFERENCES crm.contacts
);
CREATE INDEX tickets_user ON crm.tickets (user_id);
CREATE INDEX tickets_approver ON crm.tickets (approved_by);
CREATE TABLE crm.payments (
  payment_id bigint PRIMARY KEY, user_id text REFERENCES crm.contacts, cents integer NOT NULL, account text
);
CREATE INDEX payments_user ON crm.payments (user_id);

-- The application whose data the demo deletes. Every column that identifies a subject has an index.
CREATE SCHEMA app;
COMMENT ON SCHEMA app IS 'Lethe demo';

CREATE TABLE app.users (
  user_id       text PRIMARY KEY,
  xng_id        uuid NOT NULL UNIQUE,
  external_id   text UNIQUE,
  email         text,
  business_unit text,
  name          text,
  created_at    timestamptz NOT NULL,
  deleted_at    timestamptz
) WITH (fillfactor = 80);
CREATE INDEX users_email ON app.users (lower(email), lower(business_unit));

-- An alias leads to a user or to another alias; a shared device leads to several users.
CREATE TABLE app.aliases (alias text, user_id text, PRIMARY KEY (alias, user_id));
CREATE INDEX aliases_user ON app.aliases (user_id);

-- No foreign key: many events arrive under an alias.
CREATE TABLE app.events (
  event_id    bigint PRIMARY KEY,
  user_id     text NOT NULL,
  occurred_at timestamptz NOT NULL,
  name        text NOT NULL,
  ip          inet,
  sdk         text,
  utm_source  text
);
CREATE INDEX events_user ON app.events (user_id, occurred_at);

CREATE TABLE app.orders (
  order_id   uuid PRIMARY KEY,
  user_id    text NOT NULL REFERENCES app.users,
  ordered_at timestamptz NOT NULL
);
CREATE INDEX orders_user ON app.orders (user_id);
CREATE TABLE app.order_items (
  order_id uuid REFERENCES app.orders,
  line     integer,
  sku      text NOT NULL,
  cents    integer NOT NULL,
  PRIMARY KEY (order_id, line)
);

CREATE TABLE app.newsletter (
  email         text,
  business_unit text,
  subscribed_at timestamptz NOT NULL,
  PRIMARY KEY (email, business_unit)
);
CREATE INDEX newsletter_email ON app.newsletter (lower(email), lower(business_unit));

-- Retained for the tax office. A deletion clears the address and the reference to the user.
CREATE TABLE app.invoices (
  invoice_id bigint PRIMARY KEY,
  user_id    text REFERENCES app.users,
  issued_at  timestamptz NOT NULL,
  cents      integer NOT NULL,
  address    text
);
CREATE INDEX invoices_user ON app.invoices (user_id);

CREATE TABLE app.companies (
  company_id bigint PRIMARY KEY,
  domain     text NOT NULL,
  name       text NOT NULL,
  deleted_at timestamptz
);
CREATE UNIQUE INDEX companies_domain ON app.companies (lower(domain));
CREATE TABLE app.memberships (
  company_id bigint REFERENCES app.companies,
  user_id    text REFERENCES app.users,
  role       text NOT NULL,
  PRIMARY KEY (company_id, user_id)
);
CREATE INDEX memberships_user ON app.memberships (user_id);

CREATE TABLE app.segment_members (segment text, user_id text REFERENCES app.users, PRIMARY KEY (segment, user_id));
CREATE INDEX segment_members_user ON app.segment_members (user_id);

CREATE TABLE app.business_units (business_unit text PRIMARY KEY, contact_email text NOT NULL);

CREATE SCHEMA music;
SET search_path TO music;

CREATE TABLE artists (artist_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE albums (album_id int PRIMARY KEY, title text NOT NULL, artist_id int NOT NULL REFERENCES artists);
CREATE TABLE genres (genre_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE formats (format_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE tracks (
  track_id int PRIMARY KEY, name text NOT NULL, album_id int REFERENCES albums, format_id int NOT NULL REFERENCES formats,
  genre_id int REFERENCES genres, composer text, milliseconds int NOT NULL, unit_price numeric(10, 2) NOT NULL);

CREATE TABLE staff (
  staff_id int PRIMARY KEY, given_name text NOT NULL, family_name text NOT NULL, title text, born_on date, phone text,
  email text, reports_to int REFERENCES staff);
CREATE INDEX ON staff (reports_to);
CREATE INDEX ON staff (lower(email));

CREATE TABLE customers (
  customer_id int PRIMARY KEY, given_name text NOT NULL, family_name text NOT NULL, company text, street text, city text,
  phone text, email text NOT NULL, support_rep_id int REFERENCES staff, referred_by int REFERENCES customers);
CREATE INDEX ON customers (lower(email));
CREATE INDEX ON customers (support_rep_id);
CREATE INDEX ON customers (referred_by);

CREATE TABLE invoices (
  invoice_id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, issued_at timestamptz NOT NULL,
  billing_name text, billing_street text, total numeric(10, 2) NOT NULL);
CREATE INDEX ON invoices (customer_id);
CREATE TABLE invoice_lines (
  invoice_id int REFERENCES invoices, line_no smallint, track_id int NOT NULL REFERENCES tracks,
  unit_price numeric(10, 2) NOT NULL, quantity int NOT NULL, gift_for int REFERENCES customers,
  PRIMARY KEY (invoice_id, line_no));
CREATE INDEX ON invoice_lines (gift_for);

CREATE TABLE playlists (playlist_id int PRIMARY KEY, name text NOT NULL, owner_id int REFERENCES customers);
CREATE INDEX ON playlists (owner_id);
CREATE TABLE playlist_tracks (
  playlist_id int REFERENCES playlists, track_id int REFERENCES tracks, added_by int REFERENCES customers,
  PRIMARY KEY (playlist_id, track_id));
CREATE INDEX ON playlist_tracks (added_by);

CREATE TABLE reviews (
  review_id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, track_id int REFERENCES tracks,
  stars smallint, body text, reply_to int REFERENCES reviews, moderated_by int REFERENCES staff);
CREATE INDEX ON reviews (customer_id);
CREATE INDEX ON reviews (reply_to);
CREATE INDEX ON reviews (moderated_by);

CREATE TABLE follows (
  customer_id int REFERENCES customers, artist_id int REFERENCES artists, since date, PRIMARY KEY (customer_id, artist_id));
CREATE TABLE friendships (
  customer_id int REFERENCES customers, friend_id int REFERENCES customers, since date,
  PRIMARY KEY (customer_id, friend_id), CHECK (customer_id < friend_id));
CREATE INDEX ON friendships (friend_id);
CREATE TABLE gift_cards (
  card_no text PRIMARY KEY, bought_by int NOT NULL REFERENCES customers, redeemed_by int REFERENCES customers, message text,
  amount numeric(10, 2) NOT NULL);
CREATE INDEX ON gift_cards (bought_by);
CREATE INDEX ON gift_cards (redeemed_by);

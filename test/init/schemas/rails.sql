-- A community site on Rails: Devise columns, polymorphic associations, Active Storage, paper_trail, acts-as-taggable.
CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar, created_at timestamp NOT NULL, updated_at timestamp NOT NULL);
CREATE TABLE users (
  id bigserial PRIMARY KEY,
  email varchar NOT NULL DEFAULT '',
  encrypted_password varchar NOT NULL DEFAULT '',
  reset_password_token varchar,
  reset_password_sent_at timestamp,
  remember_created_at timestamp,
  sign_in_count integer NOT NULL DEFAULT 0,
  current_sign_in_at timestamp,
  last_sign_in_at timestamp,
  current_sign_in_ip inet,
  last_sign_in_ip inet,
  confirmation_token varchar,
  confirmed_at timestamp,
  unconfirmed_email varchar,
  username varchar NOT NULL,
  name varchar,
  inviter_id bigint REFERENCES users,
  deleted_at timestamp,
  created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL);
CREATE UNIQUE INDEX index_users_on_email ON users (email);
CREATE UNIQUE INDEX index_users_on_username ON users (username);
CREATE UNIQUE INDEX index_users_on_reset_password_token ON users (reset_password_token);
CREATE UNIQUE INDEX index_users_on_confirmation_token ON users (confirmation_token);
CREATE TABLE categories (id bigserial PRIMARY KEY, name varchar, parent_id bigint REFERENCES categories, created_at timestamp);
CREATE TABLE posts (
  id bigserial PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users,
  category_id bigint REFERENCES categories,
  title varchar,
  body text,
  published_at timestamp,
  approved_by_id bigint REFERENCES users,
  created_at timestamp NOT NULL);
CREATE INDEX index_posts_on_user_id ON posts (user_id);
CREATE TABLE photos (id bigserial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, caption varchar, created_at timestamp NOT NULL);
CREATE TABLE comments (
  id bigserial PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users,
  commentable_type varchar NOT NULL,
  commentable_id bigint NOT NULL,
  parent_id bigint REFERENCES comments,
  body text,
  created_at timestamp NOT NULL);
CREATE INDEX index_comments_on_commentable ON comments (commentable_type, commentable_id);
CREATE TABLE likes (id bigserial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, likeable_type varchar NOT NULL, likeable_id bigint NOT NULL, created_at timestamp NOT NULL);
CREATE TABLE follows (id bigserial PRIMARY KEY, follower_id bigint NOT NULL REFERENCES users, followed_id bigint NOT NULL REFERENCES users, created_at timestamp NOT NULL);
CREATE UNIQUE INDEX index_follows ON follows (follower_id, followed_id);
CREATE TABLE notifications (id bigserial PRIMARY KEY, recipient_id bigint NOT NULL REFERENCES users, actor_id bigint REFERENCES users, notifiable_type varchar, notifiable_id bigint, read_at timestamp, created_at timestamp NOT NULL);
CREATE TABLE addresses (id bigserial PRIMARY KEY, addressable_type varchar NOT NULL, addressable_id bigint NOT NULL, street varchar, postal_code varchar, city varchar);
CREATE INDEX index_addresses ON addresses (addressable_type, addressable_id);
CREATE TABLE active_storage_blobs (id bigserial PRIMARY KEY, key varchar NOT NULL UNIQUE, filename varchar NOT NULL, content_type varchar, metadata text, service_name varchar NOT NULL, byte_size bigint NOT NULL, checksum varchar, created_at timestamp NOT NULL);
CREATE TABLE active_storage_attachments (id bigserial PRIMARY KEY, name varchar NOT NULL, record_type varchar NOT NULL, record_id bigint NOT NULL, blob_id bigint NOT NULL REFERENCES active_storage_blobs, created_at timestamp NOT NULL);
CREATE UNIQUE INDEX index_attachments ON active_storage_attachments (record_type, record_id, name, blob_id);
CREATE TABLE versions (id bigserial PRIMARY KEY, item_type varchar NOT NULL, item_id bigint NOT NULL, event varchar NOT NULL, whodunnit varchar, object jsonb, created_at timestamp);
CREATE INDEX index_versions ON versions (item_type, item_id);
CREATE TABLE tags (id bigserial PRIMARY KEY, name varchar UNIQUE, taggings_count integer DEFAULT 0);
CREATE TABLE taggings (id bigserial PRIMARY KEY, tag_id bigint REFERENCES tags, taggable_type varchar, taggable_id bigint, tagger_type varchar, tagger_id bigint, context varchar, created_at timestamp);
CREATE TABLE newsletter_subscriptions (id bigserial PRIMARY KEY, email varchar NOT NULL UNIQUE, created_at timestamp NOT NULL);
CREATE TABLE sponsors (id bigserial PRIMARY KEY, name varchar, contact_email varchar, website varchar);

INSERT INTO users (id, email, username, name, inviter_id, created_at, updated_at)
  SELECT i, 'Member' || i || '@canary.example', 'canary_user_' || i, 'Canary Name ' || i, nullif(i / 2, 0), now(), now() FROM generate_series(1, 60) i;
INSERT INTO categories (id, name, parent_id) SELECT i, 'Category ' || i, nullif(i / 3, 0) FROM generate_series(1, 9) i;
INSERT INTO posts (id, user_id, category_id, title, approved_by_id, created_at) SELECT i, i % 60 + 1, i % 9 + 1, 'canary title', i % 3 + 1, now() FROM generate_series(1, 120) i;
INSERT INTO photos (id, user_id, created_at) SELECT i, i % 60 + 1, now() FROM generate_series(1, 50) i;
INSERT INTO comments (id, user_id, commentable_type, commentable_id, parent_id, body, created_at)
  SELECT i, i % 60 + 1, (ARRAY['Post', 'Photo'])[i % 2 + 1], i % 50 + 1, nullif(i / 4, 0), 'canary body', now() FROM generate_series(1, 200) i;
INSERT INTO likes (user_id, likeable_type, likeable_id, created_at) SELECT i % 60 + 1, 'Post', i % 120 + 1, now() FROM generate_series(1, 100) i;
INSERT INTO follows (follower_id, followed_id, created_at) SELECT i, i % 60 + 1, now() FROM generate_series(1, 60) i;
INSERT INTO notifications (recipient_id, actor_id, notifiable_type, notifiable_id, created_at) SELECT i % 60 + 1, i % 7 + 1, 'Comment', i, now() FROM generate_series(1, 80) i;
INSERT INTO addresses (addressable_type, addressable_id, street) SELECT 'User', i, i || ' Canary Street' FROM generate_series(1, 40) i;
INSERT INTO active_storage_blobs (id, key, filename, service_name, byte_size, created_at) SELECT i, 'canary-key-' || i, 'canary.png', 'local', 1, now() FROM generate_series(1, 60) i;
INSERT INTO active_storage_attachments (name, record_type, record_id, blob_id, created_at)
  SELECT 'image', (ARRAY['User', 'Photo'])[i % 2 + 1], i % 50 + 1, i, now() FROM generate_series(1, 60) i;
INSERT INTO versions (item_type, item_id, event, whodunnit, created_at) SELECT (ARRAY['User', 'Post'])[i % 2 + 1], i % 60 + 1, 'update', (i % 60 + 1)::text, now() FROM generate_series(1, 90) i;
INSERT INTO tags (id, name) SELECT i, 'tag ' || i FROM generate_series(1, 10) i;
INSERT INTO taggings (tag_id, taggable_type, taggable_id, created_at) SELECT i % 10 + 1, 'Post', i, now() FROM generate_series(1, 100) i;
INSERT INTO newsletter_subscriptions (email, created_at) SELECT 'member' || i || '@canary.example', now() FROM generate_series(30, 90) i;
INSERT INTO sponsors (name, contact_email) SELECT 'Sponsor ' || i, 'office' || i || '@sponsor.example' FROM generate_series(1, 5) i;

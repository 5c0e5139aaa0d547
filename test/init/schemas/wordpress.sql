-- WordPress and WooCommerce as migrated to PostgreSQL: prefixes, no foreign keys, capital letters in names.
CREATE TABLE wp_users ("ID" bigserial PRIMARY KEY, user_login varchar(60) NOT NULL DEFAULT '', user_pass varchar(255) NOT NULL DEFAULT '', user_nicename varchar(50) NOT NULL DEFAULT '', user_email varchar(100) NOT NULL DEFAULT '', user_url varchar(100) NOT NULL DEFAULT '', user_registered timestamp NOT NULL DEFAULT now(), user_activation_key varchar(255) NOT NULL DEFAULT '', user_status integer NOT NULL DEFAULT 0, display_name varchar(250) NOT NULL DEFAULT '');
CREATE INDEX wp_users_login ON wp_users (user_login);
CREATE INDEX wp_users_email ON wp_users (user_email);
CREATE TABLE wp_usermeta (umeta_id bigserial PRIMARY KEY, user_id bigint NOT NULL DEFAULT 0, meta_key varchar(255), meta_value text);
CREATE INDEX wp_usermeta_user ON wp_usermeta (user_id);
CREATE TABLE wp_posts ("ID" bigserial PRIMARY KEY, post_author bigint NOT NULL DEFAULT 0, post_date timestamp NOT NULL DEFAULT now(), post_date_gmt timestamp NOT NULL DEFAULT now(), post_content text NOT NULL, post_title text NOT NULL, post_status varchar(20) NOT NULL DEFAULT 'publish', post_name varchar(200) NOT NULL DEFAULT '', post_modified timestamp NOT NULL DEFAULT now(), post_parent bigint, post_type varchar(20) NOT NULL DEFAULT 'post', comment_count bigint NOT NULL DEFAULT 0);
CREATE INDEX wp_posts_author ON wp_posts (post_author);
CREATE TABLE wp_postmeta (meta_id bigserial PRIMARY KEY, post_id bigint NOT NULL DEFAULT 0, meta_key varchar(255), meta_value text);
CREATE TABLE wp_comments ("comment_ID" bigserial PRIMARY KEY, "comment_post_ID" bigint NOT NULL DEFAULT 0, comment_author text NOT NULL, comment_author_email varchar(100) NOT NULL DEFAULT '', comment_author_url varchar(200) NOT NULL DEFAULT '', "comment_author_IP" varchar(100) NOT NULL DEFAULT '', comment_date timestamp NOT NULL DEFAULT now(), comment_content text NOT NULL, comment_approved varchar(20) NOT NULL DEFAULT '1', comment_agent varchar(255) NOT NULL DEFAULT '', comment_parent bigint, user_id bigint NOT NULL DEFAULT 0);
CREATE TABLE wp_commentmeta (meta_id bigserial PRIMARY KEY, comment_id bigint NOT NULL DEFAULT 0, meta_key varchar(255), meta_value text);
CREATE TABLE wp_terms (term_id bigserial PRIMARY KEY, name varchar(200) NOT NULL DEFAULT '', slug varchar(200) NOT NULL DEFAULT '', term_group bigint NOT NULL DEFAULT 0);
CREATE TABLE wp_termmeta (meta_id bigserial PRIMARY KEY, term_id bigint NOT NULL DEFAULT 0, meta_key varchar(255), meta_value text);
CREATE TABLE wp_term_taxonomy (term_taxonomy_id bigserial PRIMARY KEY, term_id bigint NOT NULL DEFAULT 0, taxonomy varchar(32) NOT NULL DEFAULT '', description text NOT NULL, parent bigint NOT NULL DEFAULT 0, count bigint NOT NULL DEFAULT 0);
CREATE TABLE wp_term_relationships (object_id bigint NOT NULL, term_taxonomy_id bigint NOT NULL, term_order integer NOT NULL DEFAULT 0, PRIMARY KEY (object_id, term_taxonomy_id));
CREATE TABLE wp_options (option_id bigserial PRIMARY KEY, option_name varchar(191) NOT NULL UNIQUE, option_value text NOT NULL, autoload varchar(20) NOT NULL DEFAULT 'yes');
CREATE TABLE wp_links (link_id bigserial PRIMARY KEY, link_url varchar(255) NOT NULL DEFAULT '', link_name varchar(255) NOT NULL DEFAULT '', link_visible varchar(20) NOT NULL DEFAULT 'Y', link_owner bigint NOT NULL DEFAULT 1);
CREATE TABLE wp_woocommerce_sessions (session_id bigserial PRIMARY KEY, session_key char(32) NOT NULL UNIQUE, session_value text NOT NULL, session_expiry bigint NOT NULL);
CREATE TABLE wp_wc_customer_lookup (customer_id bigserial PRIMARY KEY, user_id bigint UNIQUE, username varchar(60) NOT NULL DEFAULT '', first_name varchar(255) NOT NULL, last_name varchar(255) NOT NULL, email varchar(100), date_last_active timestamp, date_registered timestamp, country char(2) NOT NULL DEFAULT '', postcode varchar(20) NOT NULL DEFAULT '');
CREATE TABLE wp_wc_orders (id bigint PRIMARY KEY, status varchar(20), currency varchar(10), total_amount numeric(26, 8), customer_id bigint, billing_email varchar(320), date_created_gmt timestamp, ip_address varchar(100), user_agent text, customer_note text);
CREATE TABLE wp_wc_order_addresses (id bigserial PRIMARY KEY, order_id bigint NOT NULL, address_type varchar(20), first_name text, last_name text, address_1 text, postcode text, email varchar(320), phone varchar(100));
CREATE TABLE wp_woocommerce_payment_tokens (token_id bigserial PRIMARY KEY, gateway_id varchar(200) NOT NULL, token text NOT NULL, user_id bigint NOT NULL DEFAULT 0, type varchar(200) NOT NULL, is_default boolean NOT NULL DEFAULT false);

INSERT INTO wp_users ("ID", user_login, user_pass, user_nicename, user_email, display_name) SELECT i, 'canary_login_' || i, 'canary-hash', 'canary-' || i, 'Canary' || i || '@blog.example', 'Canary ' || i FROM generate_series(1, 50) i;
INSERT INTO wp_usermeta (user_id, meta_key, meta_value) SELECT i % 50 + 1, 'nickname', 'canary' FROM generate_series(1, 150) i;
INSERT INTO wp_posts ("ID", post_author, post_content, post_title, post_parent) SELECT i, i % 20 + 1, 'canary', 'canary title', nullif(i / 10, 0) FROM generate_series(1, 90) i;
INSERT INTO wp_postmeta (post_id, meta_key) SELECT i % 90 + 1, 'views' FROM generate_series(1, 90) i;
INSERT INTO wp_comments ("comment_ID", "comment_post_ID", comment_author, comment_author_email, comment_content, comment_parent, user_id)
  SELECT i, i % 90 + 1, 'Canary', 'canary' || i % 50 + 1 || '@blog.example', 'canary', nullif(i / 7, 0), i % 50 + 1 FROM generate_series(1, 100) i;
INSERT INTO wp_commentmeta (comment_id) SELECT i FROM generate_series(1, 30) i;
INSERT INTO wp_terms (term_id, name) SELECT i, 'term ' || i FROM generate_series(1, 10) i;
INSERT INTO wp_term_taxonomy (term_taxonomy_id, term_id, description) SELECT i, i, '' FROM generate_series(1, 10) i;
INSERT INTO wp_term_relationships SELECT i, i % 10 + 1 FROM generate_series(1, 90) i;
INSERT INTO wp_links (link_url, link_owner) SELECT 'https://example.org', i FROM generate_series(1, 5) i;
INSERT INTO wp_wc_customer_lookup (customer_id, user_id, first_name, last_name, email) SELECT i, i, 'Canary', 'Person', 'canary' || i || '@blog.example' FROM generate_series(1, 50) i;
INSERT INTO wp_wc_orders (id, customer_id, billing_email) SELECT i, i % 50 + 1, 'canary' || i || '@blog.example' FROM generate_series(1, 60) i;
INSERT INTO wp_wc_order_addresses (order_id, first_name, phone) SELECT i, 'Canary', '030 00' || i FROM generate_series(1, 60) i;
INSERT INTO wp_woocommerce_payment_tokens (gateway_id, token, user_id, type) SELECT 'stripe', 'canary-token', i, 'CC' FROM generate_series(1, 20) i;

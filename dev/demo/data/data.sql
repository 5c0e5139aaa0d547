-- Every value is computed from the row's number and the seed, so that a seed gives the same rows on any machine.
CREATE FUNCTION pg_temp.pick(n bigint, salt int, choices bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint8extended(n, salt + :seed) & 9223372036854775807) % choices $$;

INSERT INTO app.business_units
SELECT unit, 'contact@' || unit || '.example.test' FROM unnest(ARRAY['berlin', 'lisbon', 'oslo', 'vienna']) AS unit;

-- Users 20 and 21, 40 and 41, … are households that share one address.
INSERT INTO app.users (user_id, xng_id, external_id, email, business_unit, name, created_at)
SELECT 'u-' || n, md5('user ' || n || ' :seed')::uuid, CASE WHEN n % 4 > 0 THEN 'ext-' || n END,
       CASE WHEN h % 20 = 0 THEN 'Family.' || last || '.' || h ELSE first || '.' || last || '.' || n END || '@example.test',
       (ARRAY['berlin', 'lisbon', 'oslo', 'vienna'])[1 + h % 4], first || ' ' || last,
       timestamptz '2025-01-01 00:00Z' + pg_temp.pick(n, 1, 31536000) * interval '1 second'
FROM (SELECT n, h, (ARRAY['Ann', 'Bela', 'Carl', 'Dora', 'Emil', 'Fay', 'Gus', 'Hana'])[1 + pg_temp.pick(n, 2, 8)] AS first,
             (ARRAY['Bell', 'Diaz', 'Frey', 'Hall', 'Ito', 'Kern', 'Lund', 'Moss'])[1 + pg_temp.pick(h, 3, 8)] AS last
      FROM (SELECT n, CASE WHEN n > 1 AND n % 20 = 1 THEN n - 1 ELSE n END AS h FROM generate_series(1, :users) AS n) AS household) AS person;

-- Chains a-9-2 → a-9-1 → u-9, and devices that two users share.
INSERT INTO app.aliases SELECT 'a-' || n || '-1', 'u-' || n FROM generate_series(3, :users, 3) AS n;
INSERT INTO app.aliases SELECT 'a-' || n || '-2', 'a-' || n || '-1' FROM generate_series(9, :users, 9) AS n;
INSERT INTO app.aliases SELECT 'a-' || n || '-3', 'a-' || n || '-2' FROM generate_series(27, :users, 27) AS n;
INSERT INTO app.aliases SELECT 'device-' || n, 'u-' || n + owner FROM generate_series(50, :users - 1, 50) AS n, generate_series(0, 1) AS owner;

-- A few users have most of the events. Some events arrived under an alias.
INSERT INTO app.events
SELECT e, CASE WHEN n % 50 = 0 AND n < :users AND e % 5 = 0 THEN 'device-' || n
               WHEN n % 27 = 0 AND e % 4 = 0 THEN 'a-' || n || '-3'
               WHEN n % 3 = 0 AND e % 4 = 1 THEN 'a-' || n || '-1'
               ELSE 'u-' || n END,
       timestamptz '2026-01-01 00:00Z' + e * interval '7 seconds',
       (ARRAY['opened', 'viewed', 'clicked', 'bought'])[1 + pg_temp.pick(e, 4, 4)],
       ('10.' || n % 250 || '.' || e % 250 || '.7')::inet, (ARRAY['web', 'ios', 'android'])[1 + pg_temp.pick(e, 5, 3)],
       CASE WHEN e % 3 = 0 THEN 'spring' END
FROM (SELECT e, 1 + floor(:users * power(pg_temp.pick(e, 6, 1000000) / 1000000.0::float8, 2.5))::bigint AS n
      FROM generate_series(1, :events) AS e) AS event;

INSERT INTO app.orders
SELECT md5('order ' || n || ' ' || k || ' :seed')::uuid, 'u-' || n, timestamptz '2026-01-01 00:00Z' + pg_temp.pick(n * 10 + k, 7, 2592000) * interval '1 second'
FROM generate_series(1, :users) AS n, LATERAL generate_series(1, pg_temp.pick(n, 8, 4)) AS k;
INSERT INTO app.order_items
SELECT order_id, line, 'sku-' || pg_temp.pick(i * 10 + line, 9, 500), 100 + pg_temp.pick(i * 10 + line, 10, 9900)
FROM (SELECT order_id, row_number() OVER (ORDER BY order_id) AS i FROM app.orders) AS numbered,
     LATERAL generate_series(1, 1 + pg_temp.pick(i, 11, 3)) AS line;
INSERT INTO app.invoices
SELECT row_number() OVER (ORDER BY order_id), user_id, ordered_at, 100 + pg_temp.pick(row_number() OVER (ORDER BY order_id), 12, 9900), 'Example Street ' || substr(user_id, 3)
FROM app.orders;

-- Subscriptions spell the address in another case than the profile.
INSERT INTO app.newsletter
SELECT DISTINCT lower(email), business_unit, timestamptz '2026-01-01 00:00Z' FROM app.users WHERE substr(user_id, 3)::int % 2 = 0;

INSERT INTO app.companies
SELECT 9000000000 + n, 'company-' || n || '.example.test', 'Company ' || n, NULL FROM generate_series(1, greatest(:users / 100, 2)) AS n;
INSERT INTO app.memberships
SELECT DISTINCT 9000000001 + pg_temp.pick(n, 13, greatest(:users / 100, 2)), 'u-' || n, CASE WHEN n % 10 = 0 THEN 'owner' ELSE 'member' END
FROM generate_series(1, :users) AS n WHERE n % 3 > 0;

INSERT INTO app.segment_members SELECT 'inactive', 'u-' || n FROM generate_series(1, :users) AS n WHERE n % 10 = 4;
INSERT INTO app.segment_members SELECT 'newsletter-' || n % 2, 'u-' || n FROM generate_series(1, :users) AS n WHERE n % 2 = 0;

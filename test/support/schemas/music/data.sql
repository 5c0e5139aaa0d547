INSERT INTO artists SELECT n, pg_temp.words('artist', n, '') FROM generate_series(1, 12) n;
INSERT INTO albums SELECT n, pg_temp.words('album', n, ''), 1 + n % 12 FROM generate_series(1, 20) n;
INSERT INTO genres SELECT n, pg_temp.words('genre', n, '') FROM generate_series(1, 5) n;
INSERT INTO formats SELECT n, 'format ' || n FROM generate_series(1, 3) n;
INSERT INTO tracks
  SELECT n, pg_temp.words('track', n, ''), pg_temp.maybe('album', n, 20), 1 + n % 3, pg_temp.maybe('genre', n, 5),
         nullif(pg_temp.words('composer', n, ''), '李小龍 '), 1000 * n, 0.99 + n % 2
  FROM generate_series(1, 60) n;

-- 1 leads 2 and 3, who lead the others. 2 and 7 are customers as well, with the same address of email.
INSERT INTO staff
  SELECT n, pg_temp.words('given', n, mark), pg_temp.words('family', n, mark), CASE WHEN n % 3 > 0 THEN 'title ' || mark END,
         date '1970-01-01' + 400 * n, CASE WHEN n % 4 > 0 THEN '+1 ' || mark END, mark || '@Music.test',
         CASE WHEN n > 3 THEN 2 + n % 2 WHEN n > 1 THEN 1 END
  FROM generate_series(1, 8) n, pg_temp.mark('s', n) mark;

-- 0 takes over the invoices of deleted customers.
INSERT INTO customers (customer_id, given_name, family_name, email) VALUES (0, 'deleted', 'customer', 'deleted@music.test');
INSERT INTO customers
  SELECT n, pg_temp.words('customer', n, mark), pg_temp.words('name', n, mark), CASE WHEN n % 5 = 0 THEN 'company ' || mark END,
         CASE WHEN n % 6 > 0 THEN (n % 4) || ' street ' || mark END, 'city ' || n % 3, CASE WHEN n % 7 > 0 THEN '555 ' || mark END,
         CASE n WHEN 9 THEN 'Canary-s2-@music.test' WHEN 12 THEN 'canary-s7-@music.test' ELSE mark || '@Music.test' END,
         pg_temp.maybe('rep', n, 8), CASE WHEN n IN (6, 7, 8) THEN 5 WHEN n = 5 THEN 4 WHEN n > 10 THEN pg_temp.maybe('referrer', n, 9) END
  FROM generate_series(1, 40) n, pg_temp.mark('c', n) mark;

INSERT INTO invoices
  SELECT n, customer, timestamptz '2024-01-01 12:00Z' + n * interval '1 day', CASE WHEN n % 5 > 0 THEN pg_temp.words('bill', n, mark) END,
         CASE WHEN n % 3 > 0 THEN 'street ' || mark END, n * 1.1
  FROM generate_series(1, 120) n, LATERAL (SELECT 1 + n % 40 AS customer) c, pg_temp.mark('c', customer) mark;
INSERT INTO invoice_lines
  SELECT n, line, 1 + pg_temp.pick('track', 10 * n + line, 60), 0.99, 1 + n % 3, pg_temp.maybe('gift', 10 * n + line, 40)
  FROM generate_series(1, 120) n, generate_series(1, 3) line;

INSERT INTO playlists
  SELECT n, pg_temp.words('playlist', n, coalesce(pg_temp.mark('c', owner), '')), owner
  FROM generate_series(1, 30) n, pg_temp.maybe('owner', n, 20) owner;
INSERT INTO playlists VALUES (31, 'list ' || pg_temp.mark('c', 5), 5), (32, 'list ' || pg_temp.mark('c', 17), 17);
INSERT INTO playlist_tracks
  SELECT n, track, pg_temp.maybe('adder', 100 * n + track, 25) FROM generate_series(1, 32) n, generate_series(1, 60, 7) track;

INSERT INTO reviews
  SELECT n, 1 + pg_temp.pick('author', n, 30), pg_temp.maybe('track', n, 60), pg_temp.maybe('stars', n, 5),
         pg_temp.words('review', n, pg_temp.mark('c', 1 + pg_temp.pick('author', n, 30))),
         CASE WHEN n > 20 THEN pg_temp.maybe('reply', n, n - 1) END, pg_temp.maybe('moderator', n, 4)
  FROM generate_series(1, 150) n;
-- A reply of 5 to itself, of 6 to 5, of 5 to 6.
INSERT INTO reviews
  SELECT n, customer, 1, 5, 'review ' || pg_temp.mark('c', customer), parent, 2
  FROM (VALUES (201, 5, NULL), (202, 5, 201), (203, 6, 202), (204, 5, 203), (205, 17, 204)) AS thread(n, customer, parent);

INSERT INTO follows
  SELECT c, a, CASE WHEN a % 2 = 0 THEN date '2024-05-01' + a END FROM generate_series(1, 40) c, generate_series(1, 12) a
  WHERE pg_temp.pick('follow', 100 * c + a, 4) = 0 OR (c = 17 AND a = 1);
INSERT INTO friendships
  SELECT a, b, CASE WHEN a % 2 = 0 THEN date '2024-06-01' + a END FROM generate_series(1, 40) a, generate_series(1, 40) b
  WHERE a < b AND (pg_temp.pick('friend', 100 * a + b, 8) = 0 OR (a, b) IN ((4, 5), (5, 6), (16, 17)));
INSERT INTO gift_cards
  SELECT 'card-' || n, 1 + n % 20, pg_temp.maybe('redeemer', n, 20), pg_temp.words('gift', n, pg_temp.mark('c', 1 + n % 20)), 10 * n
  FROM generate_series(1, 60) n;

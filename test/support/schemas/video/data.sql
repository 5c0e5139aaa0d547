INSERT INTO cities SELECT n, pg_temp.words('city', n, '') FROM generate_series(1, 6) n;
-- 0 is the address of former staff.
INSERT INTO addresses VALUES (0, 'none', NULL, 1, NULL, 'none');
INSERT INTO addresses
  SELECT n, pg_temp.words('street', n, mark), CASE WHEN n % 3 > 0 THEN 'district ' || n % 7 END, 1 + n % 6, CASE WHEN n % 4 > 0 THEN 'P-' || n END, '555 ' || mark
  FROM generate_series(1, 60) n, pg_temp.mark('a', n) mark;

SET CONSTRAINTS ALL DEFERRED;
-- The address of store 1 is also that of its manager. Staff 3 and customer 5 live together, and so do customers 5 and 6.
INSERT INTO stores VALUES (1, 1, 1), (2, 2, 2), (3, 5, 8);
INSERT INTO staff
  SELECT n, pg_temp.words('given', n, mark), pg_temp.words('family', n, mark), CASE WHEN n <> 4 THEN mark || '@Video.test' END, 1 + n % 3,
         CASE n WHEN 1 THEN 1 WHEN 3 THEN 15 ELSE n END, 'user ' || mark, CASE WHEN n <> 2 THEN md5(mark) END,
         CASE WHEN n % 2 = 0 THEN decode(md5(mark), 'hex') END, CASE WHEN n > 2 THEN 1 + n % 2 END
  FROM generate_series(1, 6) n, pg_temp.mark('s', n) mark;
SET CONSTRAINTS ALL IMMEDIATE;

-- Customer 12 is staff 2, with the same email and address.
INSERT INTO customers
  SELECT n, 1 + n % 3, pg_temp.words('customer', n, mark), pg_temp.words('name', n, mark),
         CASE WHEN n = 12 THEN 'canary-s2-@video.test' WHEN n % 9 > 0 THEN mark || '@Video.test' END,
         CASE WHEN n IN (5, 6) THEN 15 WHEN n = 12 THEN 2 ELSE 10 + n END, n % 5 > 0,
         CASE WHEN n IN (6, 7) THEN 5 WHEN n IN (5, 4) THEN 4 WHEN n > 8 THEN pg_temp.maybe('referrer', n, 7) END
  FROM generate_series(1, 40) n, pg_temp.mark('c', n) mark;

INSERT INTO films SELECT n, pg_temp.words('film', n, ''), CASE WHEN n > 5 THEN pg_temp.maybe('sequel', n, n - 1) END FROM generate_series(1, 25) n;
INSERT INTO actors SELECT n, pg_temp.words('actor', n, '') FROM generate_series(1, 15) n;
INSERT INTO film_actors
  SELECT f, a FROM generate_series(1, 25) f, generate_series(1, 15) a WHERE pg_temp.pick('role', 100 * f + a, 4) = 0;
INSERT INTO copies SELECT n, 1 + n % 25, 1 + n % 3, pg_temp.maybe('reserved', n, 30) FROM generate_series(1, 60) n;

INSERT INTO rentals
  SELECT n, timestamptz '2024-11-01 10:00Z' + n * interval '1 day', 1 + pg_temp.pick('copy', n, 60), 1 + n % 40,
         CASE WHEN n % 4 > 0 THEN timestamptz '2024-11-04 10:00Z' + n * interval '1 day' END, 1 + pg_temp.pick('clerk', n, 6)
  FROM generate_series(1, 200) n;
-- Some payments have no rental, some are for the rental of another customer.
INSERT INTO payments
  SELECT n, 1 + pg_temp.pick('payer', n, CASE WHEN n % 5 = 0 THEN 40 ELSE 1 END) + CASE WHEN n % 5 = 0 THEN 0 ELSE n % 40 END,
         1 + pg_temp.pick('cashier', n, 6), CASE WHEN n % 7 > 0 THEN n END, 0.99 + n % 5, timestamptz '2024-11-02 10:00Z' + n * interval '1 day'
  FROM generate_series(1, 200) n;
INSERT INTO payments VALUES
  (1001, 30, 1, 4, 3, '2025-02-02 10:00Z'), (1002, 5, 2, 29, 3, '2024-12-02 10:00Z'), (1003, 17, 5, NULL, 3, '2025-03-02 10:00Z'),
  (1004, 31, 5, 16, 3, '2024-12-24 10:00Z'), (1005, 5, 5, 4, 3, '2025-04-02 10:00Z');

INSERT INTO addresses
  SELECT n, pg_temp.words('street', n, pg_temp.mark('a', n)), 'city ' || n % 5, CASE WHEN n % 3 > 0 THEN 'P-' || n END,
         CASE WHEN n % 4 > 0 THEN '555 ' || pg_temp.mark('a', n) END
  FROM generate_series(1, 70) n;
INSERT INTO regions SELECT n, 'region ' || n FROM generate_series(1, 4) n;
INSERT INTO territories SELECT 'T''' || n, pg_temp.words('territory', n, ''), 1 + n % 4 FROM generate_series(1, 20) n;

-- 0 takes over the orders of deleted employees. 1 leads 2 and 3, who lead the others. 2, 4 and 5 live together.
INSERT INTO employees (employee_id, given_name, family_name) VALUES (0, 'former', 'employee');
INSERT INTO employees
  SELECT n, pg_temp.words('given', n, mark), pg_temp.words('family', n, mark), CASE WHEN n % 3 > 0 THEN 'title ' || mark END,
         date '1970-01-01' + 300 * n, CASE WHEN n <> 6 THEN mark || '@Trade.test' END,
         CASE WHEN n IN (2, 4, 5) THEN 2 WHEN n <> 8 THEN n END, CASE WHEN n % 2 = 0 THEN decode(md5(mark), 'hex') END,
         CASE WHEN n % 4 > 0 THEN pg_temp.words('notes', n, mark) END, CASE WHEN n > 3 THEN 2 + n % 2 WHEN n > 1 THEN 1 END
  FROM generate_series(1, 9) n, pg_temp.mark('e', n) mark;
INSERT INTO employee_territories
  SELECT e, 'T''' || t FROM generate_series(1, 9) e, generate_series(1, 20) t WHERE pg_temp.pick('territory', 100 * e + t, 5) = 0 OR t = e;

-- 3 is the head of a group: its address is also that of 4, of employee 3 and of supplier 1. 1 has an address of its own.
INSERT INTO customers
  SELECT chr(64 + n) || 'Ö''' || lpad(n::text, 2, '0'), pg_temp.words('company', n, mark), CASE WHEN n % 4 > 0 THEN '555 ' || mark END,
         CASE WHEN n IN (3, 4) THEN 3 WHEN n = 7 THEN 2 ELSE 10 + n END, pg_temp.maybe('manager', n, 3), NULL
  FROM generate_series(1, 24) n, pg_temp.mark('c', n) mark;
UPDATE customers SET parent_code = 'CÖ''03' WHERE customer_code IN ('CÖ''03', 'DÖ''04', 'EÖ''05');
UPDATE customers SET parent_code = 'DÖ''04' WHERE customer_code IN ('FÖ''06');
INSERT INTO contacts
  SELECT customer_code, contact, pg_temp.words('contact', 10 * n + contact, mark), CASE WHEN contact < 3 THEN mark || contact || '@x.test' END,
         CASE WHEN n = 3 AND contact = 1 THEN 3 WHEN n = 3 AND contact = 2 THEN 40 WHEN contact = 1 THEN 40 + n END
  FROM customers, ascii(customer_code) AS code, LATERAL (SELECT code - 64 AS n) AS numbered, generate_series(1, 3) contact,
       pg_temp.mark('c', n) mark;
INSERT INTO customer_groups SELECT 'G' || n, 'group ' || n FROM generate_series(1, 4) n;
INSERT INTO customer_group_members
  SELECT customer_code, 'G' || g FROM customers, generate_series(1, 4) g
  WHERE pg_temp.pick('member', 10 * ascii(customer_code) + g, 2) = 0 OR g = 1;

INSERT INTO suppliers
  SELECT n, pg_temp.words('supplier', n, pg_temp.mark('x', n)), CASE WHEN n % 2 = 0 THEN 'contact ' || pg_temp.mark('x', n) END,
         CASE n WHEN 1 THEN 3 WHEN 2 THEN 35 ELSE pg_temp.maybe('place', n, 30) END
  FROM generate_series(1, 8) n;
INSERT INTO categories SELECT n, 'category ' || n, CASE WHEN n > 2 THEN n / 2 END FROM generate_series(1, 9) n;
INSERT INTO products
  SELECT n, pg_temp.words('product', n, ''), pg_temp.maybe('supplier', n, 8), pg_temp.maybe('category', n, 9), 1.5 * n, pg_temp.maybe('buyer', n, 9)
  FROM generate_series(1, 30) n;

-- Orders are shipped to the customer, to another address of its own (60 + n, 1 to 6), or to a supplier and an employee.
INSERT INTO orders
  SELECT n, CASE WHEN n % 17 > 0 THEN customer_code END, CASE WHEN n % 3 > 0 THEN 1 + n % 3 END, 1 + pg_temp.pick('seller', n, 9),
         date '2024-01-01' + n, CASE WHEN n % 5 > 0 THEN pg_temp.words('ship', n, CASE WHEN n % 17 > 0 THEN pg_temp.mark('c', c) ELSE '' END) END,
         CASE n % 6 WHEN 0 THEN address_id WHEN 1 THEN CASE WHEN c < 7 THEN 60 + c END WHEN 2 THEN 35 WHEN 3 THEN 9 END,
         CASE WHEN n % 4 > 0 THEN n / 3.0 END
  FROM generate_series(1, 160) n, LATERAL (SELECT 1 + n % 24 AS c) AS number
  JOIN customers ON ascii(customer_code) = 64 + c;
INSERT INTO order_lines
  SELECT n, product, 2.5 * product, 1 + n % 4, CASE WHEN product % 2 = 0 THEN pg_temp.words('note', n + product,
           CASE WHEN n % 17 > 0 THEN pg_temp.mark('c', 1 + n % 24) ELSE '' END) END
  FROM generate_series(1, 160) n, generate_series(1, 30) product WHERE pg_temp.pick('line', 100 * n + product, 10) = 0 OR product = 1 + n % 30;
INSERT INTO returns
  SELECT order_no, product_id, no, pg_temp.words('reason', order_no, CASE WHEN order_no % 17 > 0 THEN pg_temp.mark('c', 1 + order_no % 24) ELSE '' END),
         pg_temp.maybe('handler', order_no, 9)
  FROM order_lines, generate_series(1, 2) no WHERE pg_temp.pick('return', 100 * order_no + product_id, 3) = 0;

CREATE TABLE addresses (
  address_id int PRIMARY KEY, street text NOT NULL, city text NOT NULL, postal_code text, phone text);
CREATE TABLE regions (region_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE territories (territory_code text PRIMARY KEY, name text NOT NULL, region_id int NOT NULL REFERENCES regions);

CREATE TABLE employees (
  employee_id int PRIMARY KEY, given_name text NOT NULL, family_name text NOT NULL, title text, born_on date, email text,
  address_id int REFERENCES addresses, photo bytea, notes text, reports_to int REFERENCES employees);
CREATE INDEX ON employees (lower(email));
CREATE INDEX ON employees (address_id);
CREATE INDEX ON employees (reports_to);
CREATE TABLE employee_territories (
  employee_id int REFERENCES employees, territory_code text REFERENCES territories, PRIMARY KEY (employee_id, territory_code));

CREATE TABLE customers (
  customer_code character(5) PRIMARY KEY, company_name text NOT NULL, phone text, address_id int NOT NULL REFERENCES addresses,
  account_manager int REFERENCES employees, parent_code character(5) REFERENCES customers);
CREATE INDEX ON customers (address_id);
CREATE INDEX ON customers (account_manager);
CREATE INDEX ON customers (parent_code);
CREATE TABLE contacts (
  customer_code character(5) REFERENCES customers, contact_no smallint, name text NOT NULL, email text,
  address_id int REFERENCES addresses, PRIMARY KEY (customer_code, contact_no));
CREATE INDEX ON contacts (address_id);
CREATE TABLE customer_groups (group_code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE customer_group_members (
  customer_code character(5) REFERENCES customers, group_code text REFERENCES customer_groups,
  PRIMARY KEY (customer_code, group_code));

CREATE TABLE suppliers (
  supplier_id int PRIMARY KEY, company_name text NOT NULL, contact_name text, address_id int REFERENCES addresses);
CREATE INDEX ON suppliers (address_id);
CREATE TABLE categories (category_id int PRIMARY KEY, name text NOT NULL, parent_id int REFERENCES categories);
CREATE TABLE products (
  product_id int PRIMARY KEY, name text NOT NULL, supplier_id int REFERENCES suppliers, category_id int REFERENCES categories,
  unit_price numeric(10, 2), buyer_id int REFERENCES employees);
CREATE INDEX ON products (buyer_id);

-- The contact of an order is a contact of its customer.
CREATE TABLE orders (
  order_no int PRIMARY KEY, customer_code character(5) REFERENCES customers, contact_no smallint,
  employee_id int NOT NULL REFERENCES employees, ordered_on date NOT NULL, ship_name text,
  ship_address_id int REFERENCES addresses, freight numeric(10, 2),
  FOREIGN KEY (customer_code, contact_no) REFERENCES contacts);
CREATE INDEX ON orders (customer_code, contact_no);
CREATE INDEX ON orders (employee_id);
CREATE INDEX ON orders (ship_address_id);
CREATE TABLE order_lines (
  order_no int REFERENCES orders, product_id int REFERENCES products, unit_price numeric(10, 2) NOT NULL,
  quantity smallint NOT NULL, note text, PRIMARY KEY (order_no, product_id));
CREATE TABLE returns (
  order_no int, product_id int, return_no smallint, reason text, handled_by int REFERENCES employees,
  PRIMARY KEY (order_no, product_id, return_no), FOREIGN KEY (order_no, product_id) REFERENCES order_lines);
CREATE INDEX ON returns (handled_by);

CREATE SCHEMA video;
SET search_path TO video;

CREATE TABLE cities (city_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE addresses (
  address_id int PRIMARY KEY, street text NOT NULL, district text, city_id int NOT NULL REFERENCES cities,
  postal_code text, phone text NOT NULL);
CREATE TABLE stores (
  store_id int PRIMARY KEY, manager_id int NOT NULL UNIQUE, address_id int NOT NULL REFERENCES addresses ON DELETE RESTRICT);
CREATE INDEX ON stores (address_id);
CREATE TABLE staff (
  staff_id int PRIMARY KEY, given_name text NOT NULL, family_name text NOT NULL, email text, store_id int NOT NULL REFERENCES stores,
  address_id int NOT NULL REFERENCES addresses ON DELETE RESTRICT, username text NOT NULL UNIQUE, password varchar(40), picture bytea,
  trained_by int REFERENCES staff);
CREATE INDEX ON staff (address_id);
CREATE INDEX ON staff (trained_by);
ALTER TABLE stores ADD FOREIGN KEY (manager_id) REFERENCES staff DEFERRABLE INITIALLY IMMEDIATE;
CREATE TABLE customers (
  customer_id int PRIMARY KEY, store_id int NOT NULL REFERENCES stores, given_name text NOT NULL, family_name text NOT NULL,
  email text, address_id int NOT NULL REFERENCES addresses ON DELETE RESTRICT, is_active boolean NOT NULL DEFAULT true,
  referred_by int REFERENCES customers);
CREATE INDEX ON customers (lower(email));
CREATE INDEX ON customers (address_id);
CREATE INDEX ON customers (referred_by);

CREATE TABLE films (film_id int PRIMARY KEY, title text NOT NULL, sequel_of int REFERENCES films);
CREATE TABLE actors (actor_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE film_actors (film_id int REFERENCES films, actor_id int REFERENCES actors, PRIMARY KEY (film_id, actor_id));
CREATE TABLE copies (
  copy_id int PRIMARY KEY, film_id int NOT NULL REFERENCES films, store_id int NOT NULL REFERENCES stores,
  reserved_for int REFERENCES customers ON DELETE SET NULL);
CREATE INDEX ON copies (reserved_for);
CREATE TABLE rentals (
  rental_id int PRIMARY KEY, rented_at timestamptz NOT NULL, copy_id int NOT NULL REFERENCES copies,
  customer_id int NOT NULL REFERENCES customers, returned_at timestamptz, staff_id int NOT NULL REFERENCES staff);
CREATE INDEX ON rentals (customer_id);
CREATE INDEX ON rentals (staff_id);

-- Each partition has its foreign keys itself, under names of its own.
CREATE TABLE payments (
  payment_id int NOT NULL, customer_id int NOT NULL, staff_id int NOT NULL, rental_id int, amount numeric(5, 2) NOT NULL,
  paid_at timestamptz NOT NULL, PRIMARY KEY (paid_at, payment_id)) PARTITION BY RANGE (paid_at);
CREATE INDEX ON payments (customer_id);
CREATE INDEX ON payments (rental_id);
CREATE TABLE payments_2024 PARTITION OF payments FOR VALUES FROM ('2024-01-01Z') TO ('2025-01-01Z');
CREATE TABLE payments_2025 PARTITION OF payments FOR VALUES FROM ('2025-01-01Z') TO ('2026-01-01Z');
ALTER TABLE payments_2024
  ADD CONSTRAINT paid_by_2024 FOREIGN KEY (customer_id) REFERENCES customers,
  ADD CONSTRAINT taken_by_2024 FOREIGN KEY (staff_id) REFERENCES staff,
  ADD CONSTRAINT paid_for_2024 FOREIGN KEY (rental_id) REFERENCES rentals;
ALTER TABLE payments_2025
  ADD CONSTRAINT paid_by_2025 FOREIGN KEY (customer_id) REFERENCES customers,
  ADD CONSTRAINT taken_by_2025 FOREIGN KEY (staff_id) REFERENCES staff,
  ADD CONSTRAINT paid_for_2025 FOREIGN KEY (rental_id) REFERENCES rentals;

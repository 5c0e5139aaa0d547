-- Deterministic data: a value depends on its name, its number and the seed only.
CREATE FUNCTION pg_temp.pick(name text, n int, choices int) RETURNS int LANGUAGE sql IMMUTABLE AS
  $$ SELECT (('x' || substr(md5(concat_ws(':', name, n, :seed)), 1, 8))::bit(32)::bigint % choices)::int $$;

-- One of 1 … `choices`, or NULL for one row in four.
CREATE FUNCTION pg_temp.maybe(name text, n int, choices int) RETURNS int LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN pg_temp.pick(name || '?', n, 4) > 0 THEN 1 + pg_temp.pick(name, n, choices) END $$;

-- The mark of a person or an address. Every personal text contains the mark of the person whose text it is.
CREATE FUNCTION pg_temp.mark(sort text, n int) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT 'canary-' || sort || n || '-' $$;

-- Texts with quotes, backslashes, blanks, markup, format characters and other scripts.
CREATE FUNCTION pg_temp.words(name text, n int, owner text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT (ARRAY['D''Angelo', '"Bo" D''Arc', 'Zoë Ærø', '李小龍', 'back\slash', E'two\nlines', E'a\ttab', ' blanks ',
     '<b>&amp;</b>', 'İ ı ς Σ', '{1,"2"}', '🎷 e' || chr(769), '%s $1 :seed'])[1 + pg_temp.pick(name, n, 13)]
     || ' ' || owner $$;

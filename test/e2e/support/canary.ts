import type postgres from 'postgres';
import { needlesOf } from '../../../dev/drill/canaries.ts';

/** Every personal value of the seeded users contains one of these. */
export const uuidOf = (n: number): string => `ca9a2100-c0de-4bad-8bad-00000000000${n}`;
export const NEEDLES = needlesOf(['canary-', ...[1, 2, 3, 4, 5, 6, 7].map(uuidOf)]);

/** Adds a user with rows in every table of the application. */
export const addCanary = (app: postgres.Sql, n: number) =>
  app.unsafe(`
    INSERT INTO app.users VALUES ('canary-key-${n}', '${uuidOf(n)}', 'canary-ext-${n}', 'Canary-${n}@x.test', 'canary-unit', 'canary-name-${n}', '2025-01-01');
    INSERT INTO app.aliases VALUES ('canary-alias-${n}', 'canary-key-${n}'), ('canary-device-${n}', 'canary-alias-${n}');
    INSERT INTO app.events SELECT nextval('app.numbers'), named, '2025-02-01', 'canary-event', '10.0.0.1', 'canary-sdk', 'canary-utm'
      FROM unnest(ARRAY['canary-key-${n}', 'canary-alias-${n}', 'canary-device-${n}']) named;
    INSERT INTO app.orders VALUES (md5('${n}')::uuid, 'canary-key-${n}', '2025-02-01');
    INSERT INTO app.order_items VALUES (md5('${n}')::uuid, 1, 'canary-sku', 100);
    INSERT INTO app.newsletter VALUES ('canary-${n}@X.test', 'canary-unit', '2025-03-01');
    INSERT INTO app.invoices VALUES (${n}, 'canary-key-${n}', '2025-04-01', 100, 'canary-street ${n}');
    INSERT INTO app.companies VALUES (${n}, 'canary-${n}.test', 'canary-company');
    INSERT INTO app.memberships VALUES (${n}, 'canary-key-${n}', 'canary-role');
    INSERT INTO app.segment_members VALUES ('canary-segment', 'canary-key-${n}')`);

export const id = (type: string, value: string | string[]) => ({ type, value });
export const users = (...identities: object[]) => ({ kind: 'user', identities });

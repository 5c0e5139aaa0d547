import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSystems } from '../../config/open-systems.ts';
import { readHealthyProjects } from '../../config/deployment.ts';
import type { Deployment } from '../../config/settings.ts';
import { postgres, systemSql } from '../../connectors/postgres/index.ts';
import { batchOf, deletion, type Fixture, fixture, SETTINGS, testContext, user } from '../connectors/fixture.ts';
import { systemWith } from './definitions.ts';

let db: Fixture;
beforeAll(async () => {
  db = await fixture(3);
  await db.sql.unsafe(systemSql(SETTINGS, { system: 'healthy/app' }));
  await db.sql.unsafe(systemSql(SETTINGS, { system: 'broken/app' }));
});
afterAll(() => db.close());

const project = (systems: object) => ({ policy: { deadline: { gdpr: '30 days' } }, directory: 'app', systems });
const broken = { ...SETTINGS, ignore: [] };
const secret = ({ env }: { readonly env: string }): string => {
  if (env === 'UNSET') throw new Error('UNSET is not set; lethe.config.ts reads it');
  return db.url;
};
const logged: string[] = [];
const log = { error: (fields: object, message: string) => void logged.push(JSON.stringify({ ...fields, message })) };
const open = (projects: object) => openSystems(readHealthyProjects({ projects } as Deployment), secret, log);

test('opens the systems of the other projects when a data map or a secret of one is wrong, and logs why', async () => {
  const { connectors, healthy } = await open({
    healthy: project({ app: postgres(SETTINGS) }),
    broken: project({ app: postgres(broken) }),
    locked: project({ app: postgres({ ...SETTINGS, url: { env: 'UNSET' } }) }),
  });
  expect(healthy).toBe(1);
  expect(await connectors.get('healthy/app')?.inspect()).toEqual([]);
  const deleteIn = (name: string) => connectors.get(name)?.hardDelete(batchOf([user(1)]), deletion(), testContext());
  await expect(deleteIn('broken/app')).rejects.toMatchObject({ code: 'coverage_broken', retryable: false });
  await expect(deleteIn('locked/app')).rejects.toMatchObject({ code: 'refused', retryable: false });
  expect((await db.state())['users']).toHaveLength(3);
  expect(logged.join()).toContain('projects.broken.systems.app');
  expect(logged.join()).toContain('UNSET is not set');
});

test('uses a system again without a restart when its config errors are corrected', async () => {
  const { connectors } = await open({ broken: project({ app: postgres(broken) }) });
  const connector = connectors.get('broken/app');
  await expect(connector?.count?.(batchOf([user(1)]), 'data', testContext())).rejects.toMatchObject({
    code: 'coverage_broken',
  });
  await db.sql`ALTER TABLE app.offices RENAME COLUMN contact_email TO contact`;
  expect((await connector?.count?.(batchOf([user(1)]), 'data', testContext()))?.presentSeqs).toEqual([1]);
});

test('reads the other projects when one is invalid, and refuses when none is left', () => {
  const invalid = project({ app: systemWith({}, [{ path: 'url', message: 'is not valid' }]) });
  const { catalog, definitions, misconfigured } = readHealthyProjects({
    projects: { healthy: project({ app: systemWith() }), invalid },
  } as unknown as Deployment);
  expect([...catalog.keys(), ...definitions.keys()]).toEqual(['healthy', 'healthy']);
  expect(misconfigured.get('invalid')).toEqual([{ path: 'projects.invalid.systems.app.url', message: 'is not valid' }]);
  expect(() => readHealthyProjects({ projects: { invalid } } as unknown as Deployment)).toThrow('1 config error');
});

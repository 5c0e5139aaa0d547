import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Identity } from '../../../domain/identity.ts';
import { exportOf, markReady, givenExport, storeArchiveKey } from '../../support/exports.ts';
import {
  accept,
  allKnown,
  applyVisibility,
  claimAt,
  givenHiddenSubjects,
  KEYS,
  type Ledger,
  ledger,
  match,
  identityFact,
  reconcileAt,
  resolve,
  ROTATED,
  RUN,
  states,
  user,
} from '../../support/ledger.ts';

let world: Ledger;
let nextProject = 0;
beforeAll(async () => {
  world = await ledger(Array.from({ length: 20 }, (_, n) => `p${n}`));
});
afterAll(async () => world.closeLedger());
const nextProjectName = (): string => `p${nextProject++}`;
const people = (...names: string[]) => names.map(user);

test('leaves out a subject that is claimed during the collection and raises the epoch', async () => {
  const projectName = nextProjectName();
  const exporting = await givenExport(world, people('a', 'b'), { project: projectName });
  await storeArchiveKey(world, exporting);
  const deletion = await givenHiddenSubjects(world, people('a'), { project: projectName });
  expect(await claimAt(world, deletion)).toMatchObject({ claimed: 1, wake: [exporting] });
  expect(await states(world, exporting)).toEqual({ left_out: 1, selected: 1 });
  expect(await exportOf(world, exporting)).toEqual({
    status: 'resolving',
    epoch: 2,
    keys: 1,
    reason: null,
    removed: null,
    subjectKeys: [0, 2],
    unseen: true,
    actions: ['export.restarted'],
  });
});

/** A ready archive of these people. */
async function givenReadyArchive(
  names: readonly string[],
  changes: Parameters<typeof givenExport>[2],
): Promise<string> {
  const id = await givenExport(world, people(...names), changes);
  await storeArchiveKey(world, id);
  await markReady(world, id);
  return id;
}

test('removes a claimed subject from a ready archive by its key, and keeps the others and other archives', async () => {
  const project = nextProjectName();
  const [affected, otherSubjects, otherProject] = [
    await givenReadyArchive(['a', 'b'], { project }),
    await givenReadyArchive(['b', 'c'], { project }),
    await givenReadyArchive(['a'], { project: nextProjectName() }),
  ];
  const deletion = await givenHiddenSubjects(world, people('a'), { project });
  expect(await claimAt(world, deletion)).toMatchObject({ claimed: 1, wake: [] });
  expect(await exportOf(world, affected)).toMatchObject({
    status: 'ready',
    epoch: 1,
    keys: 1,
    subjectKeys: [2],
    removed: 1,
    reason: null,
    actions: ['export.subjects_removed'],
  });
  expect(await states(world, affected)).toEqual({ left_out: 1, exported: 1 });
  for (const [id, subjectKeys] of [
    [otherSubjects, [0, 1, 2]],
    [otherProject, [0, 1]],
  ] as const)
    expect(await exportOf(world, id)).toMatchObject({
      status: 'ready',
      keys: 1,
      subjectKeys,
      removed: 0,
      reason: null,
      unseen: false,
      actions: [],
    });
});

test.each<[string, readonly string[], readonly string[], 'data' | 'categories']>([
  ['all subjects of the archive are claimed at once', ['a', 'b'], ['a', 'b'], 'data'],
  ['the only subject of the archive is claimed', ['a'], ['a', 'z'], 'data'],
  ['one subject is claimed and the archive consists of counts', ['a', 'b'], ['a'], 'categories'],
])('destroys the archive when %s', async (_, exported, claimed, scope) => {
  const project = nextProjectName();
  const exporting = await givenReadyArchive(exported, { project, scope });
  const deletion = await givenHiddenSubjects(world, people(...claimed), { project });
  expect(await claimAt(world, deletion)).toMatchObject({ wake: [exporting] });
  expect(await exportOf(world, exporting)).toMatchObject({
    status: 'expired',
    epoch: 1,
    keys: 0,
    subjectKeys: [],
    reason: 'subject_deleted',
    unseen: true,
    actions: ['export.revoked'],
  });
});

test('removes the subjects of deletions that claim at the same time, and destroys the archive with the last one', async () => {
  const project = nextProjectName();
  const names = Array.from({ length: 12 }, (_, n) => `s${n}`);
  const exporting = await givenReadyArchive([...names, 'last'], { project });
  const deletions = await Promise.all(names.map((name) => givenHiddenSubjects(world, people(name), { project })));
  await Promise.all(deletions.map((deletion) => claimAt(world, deletion)));
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'ready', removed: 12, subjectKeys: [13] });
  expect(await states(world, exporting)).toEqual({ left_out: 12, exported: 1 });
  await claimAt(world, await givenHiddenSubjects(world, people('last'), { project }));
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'expired', keys: 0, subjectKeys: [] });
});

test('removes a subject from a ready archive when a part deletion claims it', async () => {
  const project = nextProjectName();
  const exporting = await givenReadyArchive(['a', 'b'], { project });
  const deletion = await accept(world, people('a'), { project, scope: 'categories' });
  await resolve(world, deletion, allKnown(people('a')));
  await applyVisibility(world, deletion);
  await claimAt(world, deletion);
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'ready', removed: 1, subjectKeys: [2] });
});

test('removes one subject from an archive of 300 by as many statements as from an archive of two', async () => {
  const statementsOf = async (size: number): Promise<number> => {
    const project = nextProjectName();
    const names = Array.from({ length: size }, (_, n) => `s${n}`);
    const exporting = await givenReadyArchive(names, { project });
    const deletion = await givenHiddenSubjects(world, people('s0'), { project });
    const before = world.statements.length;
    await claimAt(world, deletion);
    expect(await exportOf(world, exporting)).toMatchObject({ status: 'ready', removed: 1 });
    return world.statements.length - before;
  };
  expect(await statementsOf(300)).toBe(await statementsOf(2));
});

test('does not change an export when its subject is hidden but not claimed', async () => {
  const projectName = nextProjectName();
  const exporting = await givenExport(world, people('a'), { project: projectName });
  const deletion = await givenHiddenSubjects(world, people('a'), { project: projectName });
  await reconcileAt(world, deletion, RUN);
  expect(await claimAt(world, deletion, new Date(RUN.getTime() - 1))).toMatchObject({
    claimed: 0,
    wake: [],
  });
  expect(await states(world, exporting)).toEqual({ selected: 1 });
  expect(await exportOf(world, exporting)).toMatchObject({ epoch: 1, unseen: false });
});

test('collects again and keeps the subject when a part deletion claims it', async () => {
  const projectName = nextProjectName();
  const exporting = await givenExport(world, people('a'), { project: projectName });
  const deletion = await accept(world, people('a'), { project: projectName, scope: 'categories' });
  await resolve(world, deletion, allKnown(people('a')));
  await applyVisibility(world, deletion);
  expect(await claimAt(world, deletion)).toMatchObject({ claimed: 1, wake: [exporting] });
  expect(await states(world, exporting)).toEqual({ selected: 1 });
  expect(await exportOf(world, exporting)).toMatchObject({ epoch: 2, unseen: true });
});

test('does not change an export when a claimed subject only shares another identity with it', async () => {
  const address: Identity = { type: 'email', value: ['home@x.test'] };
  const subjectWithAddress = [match(1, user('a')), identityFact(user('a'), address, 1)];
  for (const [exported, deleted] of [
    [subjectWithAddress, [match(1, user('b')), identityFact(user('b'), address, 1)]],
    [subjectWithAddress, [match(1, address)]],
    [[match(1, address)], [match(1, user('b')), identityFact(user('b'), address, 1)]],
  ] as const) {
    const projectName = nextProjectName();
    const exporting = await accept(world, people('x'), {
      project: projectName,
      kind: 'export',
      hardDeleteAt: null,
      format: 'csv',
    });
    await resolve(world, exporting, exported);
    const deletion = await accept(world, people('y'), { project: projectName });
    await resolve(world, deletion, deleted);
    await applyVisibility(world, deletion);
    expect(await claimAt(world, deletion)).toMatchObject({ claimed: 1, wake: [] });
    expect(await states(world, exporting)).toEqual({ selected: 1 });
  }
});

test('recognizes a claimed subject in an export when the digest keys were rotated between the requests', async () => {
  for (const [before, after] of [
    [KEYS, ROTATED],
    [ROTATED, KEYS],
  ] as const) {
    const projectName = nextProjectName();
    const exporting = await givenExport(world, people('a'), { project: projectName }, before);
    const deletion = await accept(world, people('a'), { project: projectName });
    await resolve(world, deletion, allKnown(people('a')), {}, after);
    await applyVisibility(world, deletion);
    expect(await claimAt(world, deletion)).toMatchObject({ claimed: 1, wake: [exporting] });
  }
});

test('leaves a subject out of a new export when a deletion has already claimed it', async () => {
  const projectName = nextProjectName();
  const deletion = await givenHiddenSubjects(world, people('a'), { project: projectName });
  await claimAt(world, deletion);
  const exporting = await givenExport(world, people('a', 'b'), { project: projectName });
  expect(await states(world, exporting)).toEqual({ left_out: 1, selected: 1 });
  expect(await exportOf(world, exporting)).toMatchObject({ epoch: 1 });
});

test('sends one more statement per claim, which reads no subject, when no export is open', async () => {
  const projectName = nextProjectName();
  const deletion = await givenHiddenSubjects(world, people('a', 'b', 'c'), { project: projectName });
  const before = world.statements.length;
  await claimAt(world, deletion);
  const unquoted = world.statements.slice(before).map((statement) => statement.replaceAll('"', ''));
  const sent = unquoted.filter((statement) => /kind = 'export'/.test(statement));
  expect(sent).toHaveLength(1);
  expect(sent[0]).not.toContain('lethe.subjects');
});

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { files } from '../../../connectors/files/index.ts';
import { MARKER } from '../../../connectors/files/store/folder.ts';
import { batchOf, deletion, exportAll, testContext } from '../calls.ts';
import { KINDS, person, testFolder } from './stores.ts';

let store: ReturnType<typeof testFolder>;
beforeEach(() => {
  store = testFolder();
});
const at = (key: string): string => join(store.path, key);
const ONE = batchOf([person('u-1')]);
const remove = (batch = ONE) => store.connector().hardDelete(batch, deletion(), testContext());
const countOf = (batch = ONE) => store.connector().count?.(batch, 'data', testContext());

test('deletes a link in the folder of a subject and nothing behind it', async () => {
  await store.put('avatars/u-2/photo.jpg', 'photo of 2');
  await store.put('avatars/u-1/photo.jpg', 'photo of 1');
  symlinkSync(at('avatars/u-2'), at('avatars/u-1/friend'));
  symlinkSync('/etc/hostname', at('invoices-link'));
  mkdirSync(at('invoices'));
  symlinkSync(at('avatars/u-2/photo.jpg'), at('invoices/u-1.pdf'));
  expect(await countOf()).toMatchObject({ tables: { avatars: 2, invoices: 1 } });
  const got = await exportAll(store.connector(), ONE);
  expect([...got.values()].flatMap(({ blocks }) => blocks.map(({ file }) => file?.path ?? '')).toSorted()).toEqual([
    'friend (link)',
    'photo.jpg',
    'u-1.pdf (link)',
  ]);
  expect(JSON.stringify([...got.values()].map(({ text }) => text))).not.toContain('photo of 2');
  await remove();
  expect(await store.keys()).toEqual(['avatars/u-2/photo.jpg', 'invoices-link']);
  expect(readFileSync(at('avatars/u-2/photo.jpg'), 'utf8')).toBe('photo of 2');
});

test('deletes a link in place of the folder of a subject and nothing behind it', async () => {
  await store.put('avatars/u-2/photo.jpg');
  symlinkSync(at('avatars/u-2'), at('avatars/u-1'));
  expect(await countOf()).toMatchObject({ tables: { avatars: 1 } });
  await remove();
  expect(await store.keys()).toEqual(['avatars/u-2/photo.jpg']);
  expect(existsSync(at('avatars/u-1'))).toBe(false);
});

test('refuses every verb when a folder above the subject is a link', async () => {
  await store.put('elsewhere/u-1/photo.jpg');
  symlinkSync(at('elsewhere'), at('avatars'));
  const refused = {
    code: 'refused',
    retryable: false,
    message: 'a folder of the keys is a link, which is not followed',
  };
  await expect(remove()).rejects.toMatchObject(refused);
  await expect(countOf()).rejects.toMatchObject(refused);
  expect(await store.connector().verify?.(ONE, 'data', testContext())).toEqual({ unknown: 'refused' });
  expect(await store.keys()).toContain('elsewhere/u-1/photo.jpg');
});

test('is unavailable, and never empty, when the volume is not mounted', async () => {
  await store.put('avatars/u-1/photo.jpg');
  rmSync(at(MARKER));
  const unavailable = { code: 'unavailable', retryable: true, message: 'folder: ENOENT' };
  await expect(countOf()).rejects.toMatchObject(unavailable);
  await expect(remove()).rejects.toMatchObject(unavailable);
  await expect(store.connector().verify?.(ONE, 'data', testContext())).rejects.toMatchObject(unavailable);
  await expect(exportAll(store.connector(), ONE)).rejects.toMatchObject(unavailable);
  expect(await store.connector().inspect()).toEqual([
    { path: 'at', message: expect.stringContaining('must contain an empty file .lethe-files') as string },
  ]);
  renameSync(store.path, `${store.path}-away`);
  await expect(store.connector().inspect()).rejects.toMatchObject(unavailable);
  renameSync(`${store.path}-away`, store.path);
  expect(await store.keys()).toEqual(['avatars/u-1/photo.jpg']);
});

test('removes the folder of a subject with the empty folders in it, and no other', async () => {
  mkdirSync(at('avatars/u-1/a/b'), { recursive: true });
  mkdirSync(at('avatars/u-2'), { recursive: true });
  await store.put('avatars/u-1/c/photo.jpg');
  expect(await countOf()).toMatchObject({ tables: { avatars: 2 } });
  await remove();
  expect(readdirSync(at('avatars'))).toEqual(['u-2']);
  expect(await countOf()).toMatchObject({ tables: { avatars: 0 }, presentSeqs: [] });
});

test('takes a file for no folder, and a folder for no file', async () => {
  await store.put('avatars/u-1');
  await store.put('invoices/u-1.pdf/page.png');
  expect(await countOf()).toMatchObject({ tables: { avatars: 0, invoices: 0 } });
  await remove();
  expect(await store.keys()).toEqual(['avatars/u-1', 'invoices/u-1.pdf/page.png']);
});

test('deletes files whose names are no text, and thousands in one folder', async () => {
  mkdirSync(at('avatars/u-1'), { recursive: true });
  for (let number = 0; number < 2_300; number += 1) writeFileSync(at(`avatars/u-1/${number}`), '');
  writeFileSync(Buffer.concat([Buffer.from(at('avatars/u-1/x')), Buffer.from([0xff, 0xfe])]), '');
  expect(await countOf()).toMatchObject({ tables: { avatars: 2_301 } });
  const done = deletion();
  await store.connector().hardDelete(ONE, done, testContext());
  expect(done.ranges[0]?.tables[0]).toMatchObject({ removed: 2_301 });
  expect(readdirSync(at('avatars'))).toEqual([]);
});

test('blocks a subject whose file cannot be deleted, and deletes the others', async () => {
  await store.put('avatars/u-1/fixed.jpg');
  await store.put('avatars/u-1/photo.jpg');
  await store.put('avatars/u-2/photo.jpg');
  const setFlag = (flag: string) => spawnSync('chattr', [flag, at('avatars/u-1/fixed.jpg')]).status === 0;
  if (!setFlag('+i'))
    return console.warn('NOT TESTED: immutable files, which need root and a file system that has them');
  try {
    const [done, batch] = [deletion(), batchOf([person('u-1'), person('u-2')])];
    expect(await store.connector().hardDelete(batch, done, testContext())).toEqual({
      done: true,
      blocked: [{ seq: 1, table: 'avatars', constraint: 'immutable' }],
    });
    expect(await store.keys()).toEqual(['avatars/u-1/fixed.jpg']);
    expect(done.ranges).toMatchObject([
      { firstSeq: 1, lastSeq: 1, part: 1, tables: [{ removed: 1 }, { removed: 0 }] },
      { firstSeq: 2, lastSeq: 2, part: 0, tables: [{ removed: 1 }, { removed: 0 }] },
    ]);
  } finally {
    setFlag('-i');
  }
});

test('reads its place from a variable, and refuses a wrong one without repeating it', () => {
  const definition = files({ at: { env: 'UPLOADS_URL' }, kinds: KINDS });
  expect(definition.validate()).toEqual([]);
  const open = (value: string) => () => definition.open({ system: 'demo/uploads', secret: () => value });
  expect(open(store.at)).not.toThrow();
  expect(open('file://canary-host/x')).toThrow(/^UPLOADS_URL: must begin with file:\/\/\/$/);
});

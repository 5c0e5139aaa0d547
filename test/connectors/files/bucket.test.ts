import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openFiles } from '../../../connectors/files/index.ts';
import { startFaultyProxy } from '../../archives/storage/faulty-proxy.ts';
import { bucketAt, CREDENTIALS, s3Binary, s3Server } from '../../support/servers/s3-server.ts';
import { batchOf, deletion, exportAll, testContext } from '../calls.ts';
import { KINDS, person, testBucket } from './stores.ts';

Object.assign(process.env, CREDENTIALS);
const binary = await s3Binary();
const server = binary === null ? null : await s3Server(binary);
const ONE = batchOf([person('u-1')]);

describe.skipIf(server === null)('files in a bucket', () => {
  if (server === null) return;
  const everything = async ({ s3, bucket }: Awaited<ReturnType<typeof testBucket>>) => {
    const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket: bucket });
    return [...Versions, ...DeleteMarkers].map(({ Key = '' }) => Key.split('/').slice(2).join('/')).toSorted();
  };

  test('deletes every version and every delete marker of a subject, and none of another', async () => {
    const store = await testBucket(server, 'versions');
    for (const contents of ['first, ', 'second, ']) await store.put('avatars/u-1/photo.jpg', contents);
    await store.put('avatars/u-10/photo.jpg');
    await store.put('invoices/u-1.pdf', 'deleted long ago');
    await store.s3.deleteObject({ Bucket: store.bucket, Key: `${store.prefix}invoices/u-1.pdf` });
    expect(await store.keys()).not.toContain('invoices/u-1.pdf');
    const connector = store.connector();
    expect(await connector.count?.(ONE, 'data', testContext())).toEqual({
      tables: { avatars: 2, invoices: 2 },
      presentSeqs: [1],
    });
    const got = await exportAll(connector, ONE);
    expect(got.get('invoices')?.blocks.map(({ file, bytes }) => [file?.path, bytes.toString()])).toEqual([
      ['u-1.pdf', 'deleted long ago'],
      ['u-1.pdf (deleted)', ''],
    ]);
    expect(got.get('avatars')?.text).toBe('second, first, ');
    const done = deletion();
    expect(await connector.hardDelete(ONE, done, testContext())).toEqual({ done: true });
    expect(done.ranges[0]?.tables.map(({ removed }) => removed)).toEqual([2, 2]);
    expect(await everything(store)).toEqual(['avatars/u-10/photo.jpg']);
    expect(await connector.verify?.(ONE, 'data', testContext())).toMatchObject({ survivors: 0 });
  });

  test('finds and ends an upload that has not ended', async () => {
    const store = await testBucket(server);
    const upload = { Bucket: store.bucket, Key: `${store.prefix}avatars/u-1/film.mp4` };
    const { UploadId } = await store.s3.createMultipartUpload(upload);
    await store.s3.uploadPart({ ...upload, UploadId, PartNumber: 1, Body: Buffer.from('film') });
    const connector = store.connector();
    expect(await connector.verify?.(ONE, 'data', testContext())).toMatchObject({ survivors: 1 });
    await connector.hardDelete(ONE, deletion(), testContext());
    expect((await store.s3.listMultipartUploads({ Bucket: store.bucket })).Uploads ?? []).toEqual([]);
    expect(await connector.verify?.(ONE, 'data', testContext())).toMatchObject({ survivors: 0 });
  });

  test('blocks a subject whose object is locked, deletes the others, and the rest once the lock is gone', async () => {
    const store = await testBucket(server, 'locks');
    for (const key of ['avatars/u-1/held.jpg', 'avatars/u-1/photo.jpg', 'avatars/u-2/photo.jpg']) await store.put(key);
    const held = { Bucket: store.bucket, Key: `${store.prefix}avatars/u-1/held.jpg` };
    await store.s3.putObjectLegalHold({ ...held, LegalHold: { Status: 'ON' } });
    const [connector, batch, first] = [store.connector(), batchOf([person('u-1'), person('u-2')]), deletion()];
    const tickets: string[] = [];
    const keepTicket = async (_range: unknown, ticket: string) => void tickets.push(ticket);
    expect(await connector.hardDelete(batch, { ...first, keepTicket }, testContext())).toEqual({
      done: true,
      blocked: [{ seq: 1, table: 'avatars', constraint: 'object_lock' }],
    });
    expect(await everything(store)).toEqual(['avatars/u-1/held.jpg']);
    expect(first.ranges.map(({ firstSeq, part, tables }) => [firstSeq, part, tables[0]?.removed])).toEqual([
      [1, 1, 1],
      [2, 0, 1],
    ]);
    await store.s3.putObjectLegalHold({ ...held, LegalHold: { Status: 'OFF' } });
    const second = deletion({
      isFinished: ({ firstSeq, lastSeq, part }) =>
        firstSeq === lastSeq && (part === 0 ? firstSeq === 2 : firstSeq === 1 && part === 1),
      tickets: tickets.map((ticket, index) => ({
        range: { firstSeq: 1, lastSeq: index === 0 ? 2 : 1, part: 0 },
        ticket,
        keptAt: new Date(0),
      })),
    });
    expect(await connector.hardDelete(batch, second, testContext())).toEqual({ done: true });
    expect(second.ranges).toMatchObject([
      { firstSeq: 1, lastSeq: 1, part: 0, tables: [{ removed: 1 }, { removed: 0 }] },
    ]);
    expect(await everything(store)).toEqual([]);
  });

  test('names a retention that a deletion must not end as the reason too', async () => {
    const store = await testBucket(server, 'locks');
    await store.put('invoices/u-1.pdf');
    const Retention = { Mode: 'COMPLIANCE', RetainUntilDate: new Date(Date.now() + 3_600_000) } as const;
    await store.s3.putObjectRetention({ Bucket: store.bucket, Key: `${store.prefix}invoices/u-1.pdf`, Retention });
    const done = deletion();
    expect(await store.connector().hardDelete(ONE, done, testContext())).toMatchObject({
      blocked: [{ seq: 1, table: 'invoices', constraint: 'object_lock' }],
    });
    expect(done.ranges).toEqual([]);
  });

  test('lists and deletes by the thousand', async () => {
    const store = await testBucket(server);
    const folder = join(server.folder, store.prefix, 'avatars/u-1');
    mkdirSync(folder, { recursive: true });
    for (let number = 0; number < 2_300; number += 1) writeFileSync(join(folder, String(number)), '');
    const calls: string[] = [];
    const proxy = await startFaultyProxy(server.address, ({ method, url = '' }) => {
      calls.push(`${method} ${new URL(url, 'http://s3').search.replaceAll(/=[^&]*/g, '')}`);
      return undefined;
    });
    const settings = { at: bucketAt(proxy, `/${store.prefix}`).href };
    const done = deletion();
    expect(await store.connector(settings).hardDelete(ONE, done, testContext())).toEqual({ done: true });
    expect(done.ranges[0]?.tables[0]).toMatchObject({ table: 'avatars', removed: 2_300 });
    expect(calls.filter((call) => call.startsWith('POST ?delete'))).toHaveLength(3);
    expect(await store.keys()).toEqual([]);
  });

  test('reports wrong credentials and a bucket that does not exist as config errors, without names of objects', async () => {
    const store = await testBucket(server);
    const credentials = { accessKeyId: { env: 'WRONG_KEY' }, secretAccessKey: { env: 'WRONG_SECRET' } };
    const open = (at: string) =>
      openFiles({ at, kinds: KINDS, credentials }, { system: 'demo/uploads', secret: () => 'wrong' });
    expect(await open(store.at).inspect()).toEqual([
      { path: 'at', message: expect.stringMatching(/^cannot be read with these credentials \(\w+\)$/) as string },
    ]);
    await expect(open(store.at).hardDelete(ONE, deletion(), testContext())).rejects.toMatchObject({
      code: 'refused',
      retryable: false,
      message: expect.stringMatching(/^bucket: \w+$/) as string,
    });
    const missing = bucketAt(server.address, '/x', 'missing-bucket').href;
    expect(await store.connector({ at: missing }).inspect()).toEqual([
      { path: 'at', message: 'cannot be read with these credentials (NoSuchBucket)' },
    ]);
  });

  test('is unavailable when the bucket does not answer', async () => {
    const store = await testBucket(server);
    const away = bucketAt('127.0.0.1:9', '/x').href;
    const connector = store.connector({ at: away });
    for (const call of [
      () => connector.inspect(),
      () => connector.hardDelete(ONE, deletion(), testContext()),
      async () => connector.verify?.(ONE, 'data', testContext()),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  });
});

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3 } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { s3Storage } from '../../../archives/storage/s3.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { bucketAt, CREDENTIALS, s3Binary, s3Server } from '../../support/servers/s3-server.ts';
import { startFaultyProxy, type Interference } from './faulty-proxy.ts';
import { bytesOf, chunksOf, testConformance, nameIn, type TestStorage, requestId } from './conformance.ts';

Object.assign(process.env, CREDENTIALS);
const binary = await s3Binary();
const server = binary === null ? null : await s3Server(binary);
const MIB = 1 << 20;

describe.skipIf(server === null)('bucket storage', () => {
  const { address = '', folder = '', files = () => [] } = server ?? {};
  const direct = () =>
    new S3({ endpoint: `http://${address}`, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
  /** Each test uses its own prefix. */
  async function createBucketStorage(interfere?: Interference): Promise<TestStorage & { readonly prefix: string }> {
    const prefix = randomUUID();
    const at = interfere === undefined ? address : await startFaultyProxy(address, interfere);
    const storage = await s3Storage(bucketAt(at, `/${prefix}/archives`));
    const before = new Set(files());
    const storedFiles = () => files().filter((path) => !before.has(path));
    return { prefix, storage, storedFiles, secret: [prefix, CREDENTIALS.AWS_SECRET_ACCESS_KEY, 'lethe/'] };
  }

  testConformance(() => createBucketStorage());

  test('aborts incomplete uploads of the request and keeps those of other requests', async () => {
    const { storage, prefix, storedFiles } = await createBucketStorage();
    const [request, other] = [requestId(), requestId()];
    for (const id of [request, other]) {
      const object = { Bucket: 'lethe', Key: `${prefix}/archives/${nameIn(id)}` };
      const { UploadId } = await direct().createMultipartUpload(object);
      await direct().uploadPart({ ...object, UploadId, PartNumber: 1, Body: Buffer.from('half') });
    }
    await storage.removeExcept(request, []);
    const remaining = await direct().listMultipartUploads({ Bucket: 'lethe', Prefix: `${prefix}/` });
    expect(remaining.Uploads?.map(({ Key }) => Key?.split('/')[2])).toEqual([other]);
    await storage.removeExcept(other, []);
    expect(storedFiles()).toEqual([]);
  });

  test('removes more objects than one page of a listing contains', async () => {
    const { storage, prefix } = await createBucketStorage();
    const request = requestId();
    const names = Array.from({ length: 1_050 }, () => nameIn(request));
    mkdirSync(join(folder, prefix, 'archives', request), { recursive: true });
    for (const name of names) writeFileSync(join(folder, prefix, 'archives', name), 'x');
    const kept = names.slice(700, 702);
    await storage.removeExcept(request, kept);
    const { Contents } = await direct().listObjectsV2({ Bucket: 'lethe', Prefix: `${prefix}/` });
    expect(Contents?.map(({ Key }) => Key)).toEqual(kept.map((name) => `${prefix}/archives/${name}`).toSorted());
  });

  test('retries each call that fails twice and stores a large object completely', async () => {
    const failures = new Map<string, number>();
    const { storage } = await createBucketStorage((call, answer) => {
      const key = `${call.method} ${call.url?.split('?')[1]?.split('&')[0]}`;
      const soFar = failures.get(key) ?? 0;
      failures.set(key, soFar + 1);
      if (soFar >= 2) return undefined;
      call.resume().on('end', () => answer.writeHead(503).end());
      return 'handled';
    });
    const [name, bytes] = [nameIn(requestId()), randomBytes(33 * MIB)];
    await storage.write(name, chunksOf(bytes, MIB));
    expect(bytes.equals(await bytesOf(storage, name))).toBe(true);
    expect(Math.max(...failures.values())).toBeGreaterThan(2);
  });

  test('reports only the error code after all attempts have failed', async () => {
    let calls = 0;
    const { storage } = await createBucketStorage((call, answer) => {
      calls += 1;
      call
        .resume()
        .on('end', () =>
          answer.writeHead(500).end('<Error><Code>InternalError</Code><Message>canary</Message></Error>'),
        );
      return 'handled';
    });
    const failure: unknown = await storage.storageId().catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'StorageError', code: 'unavailable' });
    expect(String(failure)).toMatch(/cannot be used \(\w+\)$/);
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('canary');
    expect(calls).toBe(4);
  });

  test('resumes a download at the position where the connection broke', async () => {
    const ranges: (string | undefined)[] = [];
    const { storage } = await createBucketStorage((call) => {
      if (call.method !== 'GET') return undefined;
      ranges.push(call.headers.range);
      return ranges.length <= 3 ? { breakAfter: MIB } : undefined;
    });
    const [name, bytes] = [nameIn(requestId()), randomBytes(9 * MIB)];
    await storage.write(name, chunksOf(bytes, MIB));
    expect(bytes.equals(await bytesOf(storage, name))).toBe(true);
    expect(ranges.map((range) => range?.replace(/\d+/, 'n'))).toEqual([undefined, 'bytes=n-', 'bytes=n-', 'bytes=n-']);
  });

  test('throws instead of returning a truncated object when a download makes no progress', async () => {
    const { storage } = await createBucketStorage((call) => (call.method === 'GET' ? { breakAfter: 0 } : undefined));
    const name = nameIn(requestId());
    await storage.write(name, chunksOf(randomBytes(MIB), MIB));
    await expect(bytesOf(storage, name)).rejects.toMatchObject({ name: 'StorageError', code: 'unavailable' });
  });

  test('limits the buffered pieces while the bucket accepts no data', async () => {
    const { storage, storedFiles } = await createBucketStorage((call) =>
      call.url?.includes('partNumber') === true ? 'handled' : undefined,
    );
    let given = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      while (given < 200) {
        given += 1;
        yield await Promise.resolve(Buffer.alloc(MIB));
      }
    }
    const stop = new AbortController();
    const writing = storage.write(nameIn(requestId()), source(), stop.signal).catch((error: unknown) => error);
    for (let before = -1; before < given || given === 0; await sleep(300)) before = given;
    expect(given).toBeLessThanOrEqual(33);
    stop.abort(new Error('cancelled'));
    expect(await writing).toBe(stop.signal.reason);
    await expect.poll(storedFiles, { timeout: 10_000 }).toEqual([]);
  });

  test('reports a wrong secret by its code without showing it', async () => {
    const { secret } = await createBucketStorage();
    const at = bucketAt(address, '/denied');
    const known = process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['AWS_SECRET_ACCESS_KEY'] = 'canary-other';
    const failure: unknown = await s3Storage(at)
      .then((storage) => storage.storageId())
      .catch((error: unknown) => error);
    process.env['AWS_SECRET_ACCESS_KEY'] = known;
    expect(String(failure)).toBe(
      'StorageError: LETHE_ARCHIVES: the archive bucket cannot be used (SignatureDoesNotMatch)',
    );
    for (const word of [...secret, 'canary-other']) expect(String(failure)).not.toContain(word);
  });
});

test('reports `unavailable` when the bucket cannot be reached', async () => {
  const storage = await s3Storage(bucketAt(`127.0.0.1:${await freePort()}`, ''));
  await expect(storage.storageId()).rejects.toMatchObject({
    code: 'unavailable',
    message: 'LETHE_ARCHIVES: the archive bucket cannot be used (ECONNREFUSED)',
  });
});

test('rejects an AWS bucket without a region at startup', async () => {
  const given = { region: process.env['AWS_REGION'], file: process.env['AWS_CONFIG_FILE'] };
  delete process.env['AWS_REGION'];
  process.env['AWS_CONFIG_FILE'] = '/dev/null';
  await expect(s3Storage(new URL('s3://lethe'))).rejects.toThrow('LETHE_ARCHIVES: the bucket needs a region');
  if (given.region !== undefined) process.env['AWS_REGION'] = given.region;
  process.env['AWS_CONFIG_FILE'] = given.file;
  await expect(s3Storage(new URL('s3://lethe?region=eu-central-1'))).resolves.toBeDefined();
});

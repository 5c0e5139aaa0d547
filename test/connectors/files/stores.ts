import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { S3 } from '@aws-sdk/client-s3';
import { afterAll } from 'vitest';
import type { Connector } from '../../../connectors/connector.ts';
import { openFiles } from '../../../connectors/files/index.ts';
import type { FilesSettings } from '../../../connectors/files/settings.ts';
import { MARKER } from '../../../connectors/files/store/folder.ts';
import type { Identity } from '../../../domain/identity.ts';
import { bucketAt, CREDENTIALS, type S3Server } from '../../support/servers/s3-server.ts';

/** Avatars below a prefix, and invoices with one key each. */
export const KINDS: FilesSettings['kinds'] = {
  user: {
    identities: { user_id: {}, email: { match: 'caseInsensitive' } },
    objects: {
      avatars: { keys: ['avatars/{user_id}/', 'by-mail/{email:lower}/'], about: 'Your pictures' },
      invoices: { keys: 'invoices/{user_id}.pdf' },
    },
  },
};

export const person = (id: string, ...emails: readonly string[]): Identity[] => [
  { type: 'user_id', value: [id] },
  ...emails.map((email) => ({ type: 'email', value: [email] })),
];

/** A store with objects, as a test sees it from outside. */
export interface TestStore {
  readonly at: string;
  connector(settings?: Partial<FilesSettings>): Connector;
  put(key: string, contents?: string | Uint8Array): Promise<void>;
  /** The keys of all objects, in order. */
  keys(): Promise<readonly string[]>;
}

const open = (at: string, settings: Partial<FilesSettings>): Connector =>
  openFiles(
    { at, kinds: KINDS, batchSize: 3, ...settings },
    { system: 'demo/uploads', secret: ({ env }) => process.env[env] ?? '' },
  );

/** A folder that the test removes at its end. */
export function testFolder(): TestStore & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'lethe-files-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  const root = join(path, randomUUID());
  mkdirSync(root);
  writeFileSync(join(root, MARKER), '');
  const at = pathToFileURL(root).href;
  return {
    at,
    path: root,
    connector: (settings = {}) => open(at, settings),
    put: async (key, contents = 'x') => {
      mkdirSync(dirname(join(root, key)), { recursive: true });
      writeFileSync(join(root, key), contents);
    },
    keys: async () => listFiles(root).filter((name) => name !== MARKER),
  };
}

const listFiles = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted();

/** A prefix of a bucket. `mode`: whether the bucket keeps versions, and whether it can lock them. */
export async function testBucket(
  server: S3Server,
  mode: 'plain' | 'versions' | 'locks' = 'plain',
): Promise<TestStore & { readonly s3: S3; readonly bucket: string; readonly prefix: string }> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = CREDENTIALS;
  const credentials = { accessKeyId, secretAccessKey };
  const s3 = new S3({
    endpoint: `http://${server.address}`,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials,
  });
  afterAll(() => s3.destroy());
  const bucket = mode === 'plain' ? 'lethe' : `test-${randomUUID().slice(0, 8)}`;
  if (mode !== 'plain') await s3.createBucket({ Bucket: bucket, ObjectLockEnabledForBucket: mode === 'locks' });
  if (mode === 'versions')
    await s3.putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } });
  const prefix = `${randomUUID()}/media/`;
  const at = bucketAt(server.address, `/${prefix}`, bucket).href;
  return {
    at,
    s3,
    bucket,
    prefix,
    connector: (settings = {}) => open(at, settings),
    put: async (key, contents = 'x') => {
      await s3.putObject({ Bucket: bucket, Key: `${prefix}${key}`, Body: Buffer.from(contents) });
    },
    keys: async () => {
      const { Contents = [] } = await s3.listObjectsV2({ Bucket: bucket, Prefix: prefix });
      return Contents.map(({ Key = '' }) => Key.slice(prefix.length)).toSorted();
    },
  };
}

import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';
import { installOnce } from '../../../dev/embedded/install-once.ts';
import { freePort } from '../../../dev/embedded/ports.ts';

/** An S3 server with conditional writes that stores objects in a folder. Go builds it once, in about two minutes. */
const [NAME, MODULE, VERSION] = ['versitygw', 'github.com/versity/versitygw/cmd/versitygw', 'v1.8.0'];
const CACHE = resolve(
  import.meta.dirname,
  '../../../.lethe/bin',
  `${NAME}-${VERSION}-${process.platform}-${process.arch}`,
);
/** The credentials of the server, as environment variables for the SDK. */
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'lethe', AWS_SECRET_ACCESS_KEY: 'canary-secret' };
const BUILD_MS = 900_000;

/** Returns the path of the server. If it is not available, throws in CI; otherwise warns and returns null. */
export async function s3Binary(): Promise<string | null> {
  const places = [process.env['VERSITYGW_PATH'] ?? '', ...pathsOf(NAME), join(CACHE, NAME)];
  const found = places.find(isExecutable);
  if (found !== undefined) return found;
  try {
    if (!pathsOf('go').some(isExecutable)) throw new Error('go is not on PATH');
    await installOnce(CACHE, async (temporary) => {
      const env = { ...process.env, GOBIN: temporary, CGO_ENABLED: '0' };
      await promisify(execFile)('go', ['install', `${MODULE}@${VERSION}`], { env, timeout: BUILD_MS });
    });
    return join(CACHE, NAME);
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    console.warn(
      `NOT TESTED: archives in a bucket. ${NAME} was not found by VERSITYGW_PATH or on PATH and could not be built: ${String(error)}`,
    );
    return null;
  }
}

export interface S3Server {
  readonly address: string;
  /** The folder of the bucket `lethe`; each file is an object. */
  readonly folder: string;
  /** The paths of all files below `folder`, including pieces of incomplete uploads. */
  files(): readonly string[];
  kill(): void;
}

/** Starts a server with an empty bucket `lethe`, without versions, for one test file. */
export async function s3Server(binary: string): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-s3-'));
  const [buckets, sidecar, versions] = [join(folder, 'buckets'), join(folder, 'sidecar'), join(folder, 'versions')];
  for (const path of [join(buckets, 'lethe'), sidecar, versions]) mkdirSync(path, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const { AWS_ACCESS_KEY_ID: ROOT_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: ROOT_SECRET_KEY } = CREDENTIALS;
  const server = spawn(
    binary,
    ['--port', address, '--quiet', 'posix', '--sidecar', sidecar, '--versioning-dir', versions, buckets],
    {
      env: { ...process.env, ROOT_ACCESS_KEY, ROOT_SECRET_KEY },
      stdio: 'ignore',
    },
  );
  const kill = () => void server.kill('SIGKILL');
  process.once('exit', kill);
  afterAll(async () => {
    kill();
    await rm(folder, { recursive: true, force: true });
  });
  while (!(await isReachable(address))) {
    if (server.exitCode !== null) throw new Error(`${NAME} ended`);
    await sleep(50);
  }
  const bucket = join(buckets, 'lethe');
  const files = () =>
    readdirSync(bucket, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(bucket, join(entry.parentPath, entry.name)));
  return { address, folder: bucket, files, kill };
}

/** The URL `s3://lethe<prefix>` on a server or a proxy. */
export const bucketAt = (address: string, prefix: string, bucket = 'lethe'): URL =>
  new URL(`s3://${bucket}${prefix}?endpoint=${encodeURIComponent(`http://${address}`)}&forcePathStyle=true`);

const pathsOf = (name: string): string[] =>
  (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const isReachable = (address: string): Promise<boolean> =>
  fetch(`http://${address}`).then(
    () => true,
    () => false,
  );

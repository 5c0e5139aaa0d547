import { rmSync } from 'node:fs';
import { files } from '../../../connectors/files/index.ts';
import type { FilesSettings } from '../../../connectors/files/settings.ts';
import { startFaultyProxy } from '../../archives/storage/faulty-proxy.ts';
import { bucketAt, CREDENTIALS, s3Binary, s3Server } from '../../support/servers/s3-server.ts';
import type { Candidate } from '../conformance/candidate.ts';
import { testConformance } from '../conformance.ts';
import { person, testBucket, testFolder, type TestStore } from './stores.ts';

Object.assign(process.env, CREDENTIALS);
const kinds: FilesSettings['kinds'] = {
  user: { identities: { user_id: {} }, objects: { avatars: { keys: 'avatars/{user_id}/', about: 'Your pictures' } } },
};
const { describe: describeFiles } = files({ at: 's3://uploads', kinds });

/** Two subjects with two objects each, and another whose name begins like theirs. */
async function candidateOf(store: TestStore): Promise<Candidate> {
  for (const name of ['1', '2', '10'])
    for (const file of ['photo.jpg', 'a/b.txt']) await store.put(`avatars/u-${name}/${file}`, `only of u${name}.`);
  const keysOf = async (beginning: string) => (await store.keys()).filter((key) => key.startsWith(beginning));
  return {
    connector: store.connector({ kinds }),
    subjects: [person('u-1'), person('u-2')],
    unknownSubject: person('u-'),
    ownTexts: ['only of u1.', 'only of u2.'],
    allRows: () => store.keys(),
    rowsOfOtherSubjects: () => keysOf('avatars/u-10/'),
    isPresent: async (subject) => (await keysOf(`avatars/u-${subject + 1}/`)).length > 0,
    insertLateRow: () => store.put('avatars/u-1/late.jpg'),
    close: async () => {},
  };
}

testConformance('files in a folder', { description: describeFiles() }, async () => {
  const store = testFolder();
  return { ...(await candidateOf(store)), close: async () => rmSync(store.path, { recursive: true, force: true }) };
});

const binary = await s3Binary();
if (binary !== null) {
  const server = await s3Server(binary);
  /** What happens to the next calls. One proxy serves all buckets, whose tests run one after the other. */
  const fault = { left: Infinity, when: 'before' as 'before' | 'after', invocation: '', wasReached: false };
  const proxy = await startFaultyProxy(server.address, ({ headers }, response) => {
    const invocation = String(headers['amz-sdk-invocation-id']);
    if (invocation !== fault.invocation) {
      fault.left -= 1;
      if (fault.left !== -1) return undefined;
      fault.invocation = invocation;
      fault.wasReached = true;
    }
    // The client repeats the call by itself.
    if (fault.when === 'after') return { breakAfter: -1 };
    response.destroy();
    return 'handled';
  });

  testConformance('files in a bucket with versions', { description: describeFiles() }, async () => {
    const store = await testBucket(server, 'versions');
    const at = bucketAt(proxy, `/${store.prefix}`, store.bucket).href;
    return {
      ...(await candidateOf(store)),
      connector: store.connector({ at, kinds }),
      failCall(left, when) {
        Object.assign(fault, { left, when, invocation: '', wasReached: false });
        return { wasReached: () => fault.wasReached };
      },
      close: async () => void (fault.left = Infinity),
    } satisfies Candidate;
  });
}

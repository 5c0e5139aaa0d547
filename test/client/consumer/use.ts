import { type LetheClient, letheClient, LetheProblem, type NewRequest, type RequestStatus } from '@lethe/client';

/** A caller's project: client.test.ts compiles and runs it in an empty folder with the installed package. */
const [url = '', token = ''] = process.argv.slice(2);
const lethe: LetheClient = letheClient({ url, token });
const results: Record<string, unknown> = {};

const body: NewRequest = {
  project: 'demo',
  kind: 'deletion',
  regulation: 'gdpr',
  subjects: {
    kind: 'user',
    identities: [
      { type: 'user_id', value: 'u-17' },
      { type: 'email', value: ['ann@x.test', 'berlin'] },
    ],
  },
};
const accepted = await lethe.createRequest({ body });
results.accepted = accepted.id;
for (let more = 0; more < 4; more += 1) await lethe.createRequest({ body });

const status: RequestStatus = await lethe.getRequest({ id: accepted.id });
results.status = status.status;

const pages: number[] = [];
const ids = new Set<string>();
for await (const page of lethe.pages('listRequests', { status: ['received', 'grace'], limit: 2 })) {
  pages.push(page.items.length);
  for (const { id } of page.items) ids.add(id);
}
results.pages = pages;
results.ids = ids.size;
results.none = (await lethe.listRequests({ needsAttention: true })).items.length;

const hold = await lethe.placeHold({
  body: {
    project: 'demo',
    kind: 'user',
    identities: [{ type: 'user_id', value: 'u-17' }],
    caseRef: 'C-7',
    heldBy: 'ann',
  },
});
const held: string[] = [];
for await (const { items } of lethe.pages('listHolds', { caseRef: 'C-7', state: 'active' }))
  for (const { id, identities } of items) if (id === hold.id && identities === 1) held.push(id);
results.held = held.length;
results.released = await lethe.releaseHold({ id: hold.id });
results.hold = (await lethe.getHold({ id: hold.id })).releasedAt !== null;

const csv = await lethe.listActivityCsv({ action: 'request.*' });
results.csv = [csv.headers.get('Content-Type'), (await csv.text()).trim().split('\n').length];

const file = new Blob(['user_id\nu-1\nu-1\nu-2\n']);
const upload = async (body: Blob | ReadableStream<Uint8Array>) =>
  lethe.uploadSubjects({
    project: 'demo',
    kind: 'deletion',
    regulation: 'gdpr',
    subjects: 'user',
    type: 'user_id',
    confirm: true,
    idempotencyKey: 'file-1',
    body,
  });
const first = await upload(file.stream());
results.lines = first.lines;
results.replayed = (await upload(file)).id === first.id;

results.notFound = await lethe.getRequest({ id: 'req_a/b?c' }).catch(describeProblem);
results.invalid = await lethe
  .createRequest({ body: { ...body, subjects: { kind: 'user', identities: [{ type: 'unknown', value: 'x' }] } } })
  .catch(describeProblem);
results.unauthorized = await letheClient({ url, token: 'lethe_wrong' }).listRequests().catch(describeProblem);
results.aborted = await lethe.listRequests({}, { signal: AbortSignal.abort() }).catch(errorName);

function describeProblem(error: unknown): unknown {
  if (!(error instanceof LetheProblem)) throw error;
  switch (error.code) {
    case 'invalid_request':
      return [error.status, error.errors.map(({ pointer }) => pointer)];
    // @ts-expect-error unknown code
    case 'invalid_requests':
      return null;
    default:
      return [error.status, error.code];
  }
}
function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'none';
}

/** Never called: each line must fail to compile. */
export async function misuse(): Promise<void> {
  // @ts-expect-error missing parameters
  await lethe.uploadSubjects({ body: file });
  // @ts-expect-error unknown operation
  await lethe.createRequests({ body });
  // @ts-expect-error missing body
  await lethe.createRequest({});
  // @ts-expect-error missing id
  await lethe.getRequest();
  // @ts-expect-error unknown field of a body
  await lethe.createRequest({ body: { ...body, regulations: 'gdpr' } });
  // @ts-expect-error unknown filter
  await lethe.listRequests({ state: 'grace' });
  // @ts-expect-error unknown status
  await lethe.listRequests({ status: ['unknown'] });
  // @ts-expect-error unknown field of a response
  void accepted.identifier;
  // @ts-expect-error not a list
  lethe.pages('getRequest', { id: accepted.id });
  // @ts-expect-error a CSV response has no pages
  await lethe.listActivityCsv({ limit: 2 });
}

console.log(JSON.stringify(results));

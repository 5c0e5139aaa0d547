import { type LetheClient, letheClient, LetheProblem, type NewRequest, type RequestStatus } from 'lethe/client';

/** How a caller uses the package: compiled and run by client.test.ts as somebody else's project. */
const [url = '', token = ''] = process.argv.slice(2);
const lethe: LetheClient = letheClient({ url, token });
const told: Record<string, unknown> = {};

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
told.accepted = accepted.id;
for (let more = 0; more < 4; more += 1) await lethe.createRequest({ body });

const status: RequestStatus = await lethe.readRequest({ id: accepted.id });
told.status = status.status;

const pages: number[] = [];
const ids = new Set<string>();
for await (const page of lethe.pages('listRequests', { status: ['received', 'grace'], limit: 2 })) {
  pages.push(page.items.length);
  for (const { id } of page.items) ids.add(id);
}
told.pages = pages;
told.ids = ids.size;
told.none = (await lethe.listRequests({ needsAttention: true })).items.length;

const hold = await lethe.placeHold({
  body: {
    project: 'demo',
    kind: 'user',
    identities: [{ type: 'user_id', value: 'u-17' }],
    caseRef: 'C-7',
    heldBy: 'ann',
  },
});
told.released = await lethe.releaseHold({ id: hold.id });

const csv = await lethe.listActivityCsv({ action: 'request.*' });
told.csv = [csv.headers.get('Content-Type'), (await csv.text()).trim().split('\n').length];

const file = new Blob(['user_id\nu-1\nu-1\nu-2\n']);
const uploaded = async (body: Blob | ReadableStream<Uint8Array>) =>
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
const first = await uploaded(file.stream());
told.lines = first.lines;
told.replayed = (await uploaded(file)).id === first.id;

told.refused = await lethe.readRequest({ id: 'req_of/nobody?' }).catch(problemOf);
told.withFaults = await lethe
  .createRequest({ body: { ...body, subjects: { kind: 'user', identities: [{ type: 'nix', value: 'x' }] } } })
  .catch(problemOf);
told.unknown = await letheClient({ url, token: 'lethe_wrong' }).listRequests().catch(problemOf);
told.aborted = await lethe.listRequests({}, { signal: AbortSignal.abort() }).catch(nameOf);

function problemOf(error: unknown): unknown {
  if (!(error instanceof LetheProblem)) throw error;
  switch (error.code) {
    case 'invalid_request':
      return [error.status, error.errors.map(({ pointer }) => pointer)];
    // @ts-expect-error no such code
    case 'invalid_requests':
      return null;
    default:
      return [error.status, error.code];
  }
}
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'none';
}

/** Never run: what must not compile. */
export async function misspelt(): Promise<void> {
  // @ts-expect-error whose subjects they are is needed
  await lethe.uploadSubjects({ body: file });
  // @ts-expect-error no such operation
  await lethe.createRequests({ body });
  // @ts-expect-error a body is needed
  await lethe.createRequest({});
  // @ts-expect-error the id is needed
  await lethe.readRequest();
  // @ts-expect-error no such member of a body
  await lethe.createRequest({ body: { ...body, regulations: 'gdpr' } });
  // @ts-expect-error no such filter
  await lethe.listRequests({ state: 'grace' });
  // @ts-expect-error no such status
  await lethe.listRequests({ status: ['gone'] });
  // @ts-expect-error no such member of an answer
  void accepted.identifier;
  // @ts-expect-error no list
  lethe.pages('readRequest', { id: accepted.id });
  // @ts-expect-error a download has no pages
  await lethe.listActivityCsv({ limit: 2 });
}

console.log(JSON.stringify(told));

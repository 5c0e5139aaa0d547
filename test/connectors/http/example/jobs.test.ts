import { expect, test } from 'vitest';
import { z } from 'zod';
import { done, http, later, path, pending } from '../../../../connectors/http/index.ts';
import { type FaultyServer, startFaultyServer } from '../../../support/servers/faulty.ts';
import { batchOf } from '../../calls.ts';
import { type Candidate, testConformance } from '../../conformance.ts';
import { runToEnd, startPass } from '../../pass.ts';

const Job = z.object({ id: z.string(), isDone: z.boolean() });

/** Deletes by jobs that a service answers for later, for one person after the other if `at` says so. */
const jobs = (place: { readonly at: string }, at: 'once' | 'each') =>
  http({
    ...place,
    allowPrivate: ['127.0.0.1'],
    version: '1',
    kinds: { user: { identities: { email: {} }, batchSize: at === 'each' ? 2 : 1, at } },
    completesWithin: '1 day',
    check: (api) => api.get(path`/`),
    erase: async (api, people) => {
      const emails = people.flatMap(({ ids }) => ids.email);
      const job = await api.post(path`/jobs`, { json: { emails }, once: true });
      return later(job.read(Job).id, '1 hour');
    },
    ask: async (api, id) => ((await api.get(path`/jobs/${id}`)).read(Job).isDone ? done() : pending('1 hour')),
  });

interface Service {
  readonly server: FaultyServer;
  readonly people: Set<string>;
  readonly started: Map<string, readonly string[]>;
  settle(): void;
}

async function startService(): Promise<Service> {
  const server = await startFaultyServer();
  const people = new Set(['ann@x.test', 'bob@x.test', 'eve@x.test']);
  const [started, finished, byKey] = [
    new Map<string, readonly string[]>(),
    new Set<string>(),
    new Map<string, string>(),
  ];
  server.reply = ({ method, path: at, headers, body }) => {
    if (method === 'GET') return { status: 200, json: { id: at.slice(6), isDone: finished.has(at.slice(6)) } };
    const key = headers['idempotency-key'] ?? '';
    const id = byKey.get(key) ?? `j-${started.size + 1}`;
    byKey.set(key, id);
    if (!started.has(id)) started.set(id, (JSON.parse(body) as { readonly emails: readonly string[] }).emails);
    return { status: 201, json: { id, isDone: false } };
  };
  const settle = (): void => {
    for (const [id, emails] of started) {
      finished.add(id);
      for (const email of emails) people.delete(email);
    }
  };
  return { server, people, started, settle };
}

const SUBJECTS = ['ann@x.test', 'bob@x.test'].map((email) => [{ type: 'email', value: [email] }]);

for (const at of ['once', 'each'] as const) {
  const description = jobs({ at: 'https://api.example.com' }, at).describe();
  testConformance(`an http connector with jobs, ${at}`, { description }, async (): Promise<Candidate> => {
    const { server, people, settle } = await startService();
    const connector = jobs({ at: server.url }, at).open({ system: 'demo/jobs', secret: () => '' });
    return {
      connector,
      subjects: SUBJECTS,
      unknownSubject: [{ type: 'email', value: ['dan@x.test'] }],
      confidential: ['j-'],
      allRows: async () => [...people],
      rowsOfOtherSubjects: async () => [...people].filter((email) => email === 'eve@x.test'),
      isPresent: async (subject) => people.has(['ann@x.test', 'bob@x.test'][subject] ?? ''),
      settle: async () => settle(),
      failCall(calls, when) {
        const nth = server.calls.length + calls + 1;
        server.faults.set(nth, when === 'before' ? { status: 500 } : 'lose');
        return { wasReached: () => server.calls.length >= nth };
      },
      close: async () => {
        await connector.close();
        server.close();
      },
    };
  });

  test(`starts no job twice when the answer to any call is lost, with people at ${at}`, async () => {
    for (let nth = 1; nth <= 4; nth += 1) {
      const { server, people, started, settle } = await startService();
      const connector = jobs({ at: server.url }, at).open({ system: 'demo/jobs', secret: () => '' });
      server.faults.set(nth, 'lose');
      const pass = startPass(batchOf(SUBJECTS));
      const end = () => runToEnd(connector, pass, async () => settle());
      await expect(end()).rejects.toMatchObject({ retryable: true });
      await end();
      expect([...started.values()]).toEqual([['ann@x.test'], ['bob@x.test']]);
      expect([...people]).toEqual(['eve@x.test']);
      await connector.close();
      server.close();
    }
  });
}

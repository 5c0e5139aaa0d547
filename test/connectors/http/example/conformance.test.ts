import { type Candidate, type Fault, testConformance } from '../../conformance.ts';
import type { Fault as ServerFault } from '../../../support/servers/faulty.ts';
import { newsletter } from './newsletter.ts';
import { type Newsletter, startNewsletter } from './server.ts';

const TOKEN = 'canary-token';
const OTHERS = { o1: 'eve@x.test', o2: 'fay@x.test' };
const systems = new WeakMap<Candidate, Newsletter>();

async function createCandidate(): Promise<Candidate> {
  const system = await startNewsletter({ c1: 'Ann@x.test', c2: 'bob@x.test', c3: 'BOB@x.test', ...OTHERS }, TOKEN);
  const { server, contacts } = system;
  const place = { at: server.url, allowPrivate: ['127.0.0.1'], timeout: '1 second' } as const;
  const connector = newsletter(place).open({ system: 'demo/newsletter', secret: () => TOKEN });
  const idsOf = (...emails: string[]) =>
    [...contacts].flatMap(([id, { email }]) => (emails.includes(email.toLowerCase()) ? [id] : []));
  const rows = (ids: readonly string[]) => ids.map((id) => [id, { ...contacts.get(id) }]);
  const subjects = ['ann@x.test', 'bob@x.test'];
  const candidate: Candidate = {
    connector,
    subjects: subjects.map((email) => [{ type: 'email', value: [email] }]),
    unknownSubject: [{ type: 'email', value: ['dan@x.test'] }],
    ownTexts: ['city of c1', 'city of c2'],
    confidential: [TOKEN, 'c1', 'c2', 'c3'],
    allRows: async () => rows([...contacts.keys()]),
    rowsOfOtherSubjects: async () => rows(idsOf(...Object.values(OTHERS))),
    isPresent: async (subject) => idsOf(subjects[subject] ?? '').length > 0,
    isHidden: async (subject) => idsOf(subjects[subject] ?? '').every((id) => contacts.get(id)?.isPaused === true),
    insertLateRow: async () => void contacts.set('c9', { email: 'ann@x.test', city: 'city of c9', isPaused: false }),
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
  systems.set(candidate, system);
  return candidate;
}

/** The next calls end with the fault. A call that exceeds the rate is repeated, so one fault is not enough. */
const withFault = (name: string, fault: ServerFault, retryable: boolean): Fault => ({
  name,
  retryable,
  inject: (candidate) => {
    const server = systems.get(candidate)?.server;
    for (let nth = 1; nth <= 4; nth += 1) server?.faults.set(server.calls.length + nth, fault);
  },
  end: (candidate) => systems.get(candidate)?.server.faults.clear(),
});

const QUOTED = {
  body: '{"error":"ann@x.test is unknown to canary-token"}',
  headers: { 'content-type': 'application/json' },
};
const { description, faults } = {
  description: newsletter({ at: 'https://api.newsletter.example' }).describe(),
  faults: [
    withFault('404', { status: 404, ...QUOTED }, false),
    withFault('409', { status: 409, ...QUOTED }, false),
    withFault('429', { status: 429, headers: { 'retry-after': '3600' } }, true),
    withFault('500', { status: 500, ...QUOTED }, true),
    withFault('no answer', 'hang', true),
    withFault('garbage', 'garbage', true),
    withFault('half an answer', 'half', true),
    withFault(
      'a redirect to another host',
      { status: 302, headers: { location: 'https://other.example/ann@x.test' } },
      false,
    ),
  ],
};

testConformance('an http connector', { description, faults, ordersVisibility: false }, createCandidate);

import { expect } from 'vitest';
import { id, users } from './canary.ts';
import type { Answer, Service } from './service.ts';

/** Sends canaries in every kind of invalid request and returns the problems, which must not repeat them. */
export async function sendInvalidRequests(service: Service): Promise<readonly Answer[]> {
  const problems: Answer[] = [];
  const expectProblem = async (status: number, ...[method, path, body, headers]: Parameters<Service['call']>) => {
    const answer = await service.call(method, path, body, headers);
    expect({ path, answered: answer.status, text: answer.text }).toMatchObject({ path, answered: status });
    problems.push(answer);
  };
  const request = (subjects: object, more: object = {}) => ({
    project: 'demo',
    kind: 'deletion',
    regulation: 'gdpr',
    subjects,
    ...more,
  });
  const lookup = { project: 'demo', kind: 'user', identity: id('xng_id', 'canary-no-uuid') };
  await expectProblem(400, 'POST', '/v1/requests', '{"project":"canary-key-1');
  await expectProblem(422, 'POST', '/v1/requests', request(users(id('canary-type', 'canary-key-1'))));
  await expectProblem(422, 'POST', '/v1/requests', request(users(id('user_id', 'canary-key-1\u0000'))));
  await expectProblem(422, 'POST', '/v1/requests', request(users(id('user_id', 'canary-key-1'.repeat(900)))));
  await expectProblem(422, 'POST', '/v1/requests', request(users(id('email', 'canary-1@x.test'))));
  await expectProblem(
    422,
    'POST',
    '/v1/requests',
    request(users(id('user_id', 'canary-key-1')), { 'canary-key-1': 1 }),
  );
  await expectProblem(
    422,
    'POST',
    '/v1/requests',
    request(users(id('user_id', 'canary-key-1')), { regulation: 'canary-law' }),
  );
  await expectProblem(404, 'POST', '/v1/requests', {
    ...request(users(id('user_id', 'x'))),
    project: 'canary-project',
  });
  await expectProblem(404, 'GET', '/v1/requests/canary-key-1');
  await expectProblem(404, 'GET', '/canary-key-1?canary-key-1=canary-1@x.test');
  await expectProblem(422, 'GET', '/v1/requests?project=demo&cursor=canary-key-1');
  await expectProblem(404, 'DELETE', '/v1/holds/canary-key-1');
  await expectProblem(422, 'POST', '/v1/subjects/lookup', lookup);
  await expectProblem(404, 'DELETE', '/v1/suppressions', { ...lookup, identity: id('user_id', 'canary-unsuppressed') });
  await expectProblem(401, 'GET', '/v1/requests', undefined, { authorization: 'Bearer canary-token' });
  return problems;
}

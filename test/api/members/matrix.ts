import { deletionOf, user } from '../support/api.ts';

/**
 * The status of every operation for every kind of caller. Letters after 403 name the missing permission: w write, d the
 * kind deletion, o the role owner. Callers of other projects get 404.
 */
export const CALLERS = [
  'none',
  'malformed',
  'checksum',
  'expired',
  'revoked',
  'other',
  'admin',
  'owner',
  'reading',
  'exporting',
];
const MATRIX = `
  createRequest        401 401 401 401 401  404 202  202  403w 403d
  uploadSubjects       401 401 401 401 401  404 202  202  403w 403d
  listRequests         401 401 401 401 401  404 200  200  200  200
  getRequest           401 401 401 401 401  404 200  200  200  403d
  listSubjects         401 401 401 401 401  404 200  200  200  403d
  listFailures         401 401 401 401 401  404 200  200  200  403d
  getProgress          401 401 401 401 401  404 200  200  200  403d
  getReceipt           401 401 401 401 401  404 409  409  409  403d
  createLink           401 401 401 401 401  404 201  201  403w 201
  listLinks            401 401 401 401 401  404 200  200  200  200
  revokeLink           401 401 401 401 401  404 204  204  403w 204
  destroyArchive       401 401 401 401 401  404 204  204  403w 204
  listRequestActivity  401 401 401 401 401  404 200  200  200  403d
  confirmRequest       401 401 401 401 401  404 409  409  403w 403d
  cancelRequest        401 401 401 401 401  404 202  202  403w 403d
  expediteRequest      401 401 401 401 401  404 202  202  403w 403d
  retryRequest         401 401 401 401 401  404 409  409  403w 403d
  skipSystem           401 401 401 401 401  404 403o 409  403w 403d
  lookUpSubject        401 401 401 401 401  404 200  200  200  403d
  listHolds            401 401 401 401 401  404 200  200  200  403d
  getHold              401 401 401 401 401  404 200  200  200  403d
  placeHold            401 401 401 401 401  404 201  201  403w 403d
  releaseHold          401 401 401 401 401  404 204  204  403w 403d
  listSuppressions     401 401 401 401 401  404 200  200  200  403d
  getSuppression       401 401 401 401 401  404 200  200  200  403d
  placeSuppression     401 401 401 401 401  404 202  202  403w 403d
  liftSuppression      401 401 401 401 401  404 202  202  403w 403d
  listSystems          401 401 401 401 401  404 200  200  200  200
  getSystem            401 401 401 401 401  200 200  200  200  200
  pauseSystem          401 401 401 401 401  404 403o 200  403w 403d
  resumeSystem         401 401 401 401 401  404 403o 200  403w 403d
  listTasks            401 401 401 401 401  404 200  200  200  403d
  getTask              401 401 401 401 401  404 200  200  200  403d
  revealTask           401 401 401 401 401  404 200  200  403w 403d
  completeTask         401 401 401 401 401  404 200  200  403w 403d
  declineTask          401 401 401 401 401  404 200  200  403w 403d
  listActivity         401 401 401 401 401  404 200  200  200  200
  listMembers          401 401 401 401 401  200 200  200  200  200
  addMember            401 401 401 401 401  201 403o 201  403w 403d
  removeMember         401 401 401 401 401  404 403o 204  403w 403d
  createToken          401 401 401 401 401  201 201  201  403w 403d
  listTokens           401 401 401 401 401  404 403o 200  200  200
  revokeToken          401 401 401 401 401  404 404  200  403w 403d
  addWebhook           401 401 401 401 401  201 403o 201  403w 403d
  listWebhooks         401 401 401 401 401  200 200  200  200  200
  removeWebhook        401 401 401 401 401  404 403o 204  403w 403d
  rotateWebhookSecret  401 401 401 401 401  404 403o 200  403w 403d
  enableWebhook        401 401 401 401 401  404 403o 204  403w 403d
  listDeliveries       401 401 401 401 401  404 200  200  200  200
  retryDelivery        401 401 401 401 401  404 403o 204  403w 403d
  checkLiveness        200 200 200 200 200  200 200  200  200  200
  checkReadiness       200 200 200 200 200  200 200  200  200  200
`;
const NEEDS: Readonly<Record<string, string>> = { w: 'write', d: 'deletion', o: 'owner' };

/** The objects that the calls refer to. */
export interface Targets {
  readonly project: string;
  readonly request: string;
  /** An export that is ready. `link` is a link to its archive. */
  readonly export: string;
  readonly link: string;
  readonly hold: string;
  readonly suppressed: string;
  readonly suppression: string;
  readonly task: string;
  readonly member: string;
  readonly token: string;
  readonly webhook: string;
  readonly delivery: string;
}
export type Call = readonly [method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>];
const reason = 'ticket 1';

export const CALLS: Readonly<Record<string, (targets: Targets) => Call>> = {
  createRequest: ({ project }) => ['POST', '/v1/requests', { ...deletionOf([user('u-new')]), project }],
  uploadSubjects: ({ project }) => [
    'POST',
    `/v1/uploads?project=${project}&kind=deletion&regulation=gdpr&subjects=user&type=user_id&header=absent`,
    'u-uploaded\n',
    { 'Content-Type': 'text/csv' },
  ],
  listRequests: ({ project }) => ['GET', `/v1/requests?project=${project}`],
  getRequest: ({ request }) => ['GET', `/v1/requests/${request}`],
  listSubjects: ({ request }) => ['GET', `/v1/requests/${request}/subjects`],
  listFailures: ({ request }) => ['GET', `/v1/requests/${request}/failures`],
  getProgress: ({ request }) => ['GET', `/v1/requests/${request}/progress`],
  getReceipt: ({ request }) => ['GET', `/v1/requests/${request}/receipt`],
  createLink: ({ export: id }) => ['POST', `/v1/requests/${id}/links`, {}],
  listLinks: ({ export: id }) => ['GET', `/v1/requests/${id}/links`],
  revokeLink: ({ export: id, link }) => ['DELETE', `/v1/requests/${id}/links/${link}`],
  destroyArchive: ({ export: id }) => ['DELETE', `/v1/requests/${id}/archive`],
  listRequestActivity: ({ request }) => ['GET', `/v1/requests/${request}/log`],
  confirmRequest: ({ request }) => ['POST', `/v1/requests/${request}/confirm`, { expectedCount: 1 }],
  cancelRequest: ({ request }) => ['POST', `/v1/requests/${request}/cancel`, {}],
  expediteRequest: ({ request }) => ['POST', `/v1/requests/${request}/expedite`, { when: 'now', reason }],
  retryRequest: ({ request }) => ['POST', `/v1/requests/${request}/retry`, { reason }],
  skipSystem: ({ request }) => ['POST', `/v1/requests/${request}/skip`, { system: 'app', reason }],
  lookUpSubject: ({ project }) => ['POST', '/v1/subjects/lookup', { project, kind: 'user', identity: user('u-1') }],
  listHolds: ({ project }) => ['GET', `/v1/holds?project=${project}`],
  getHold: ({ hold }) => ['GET', `/v1/holds/${hold}`],
  placeHold: ({ project }) => ['POST', '/v1/holds', { ...HOLD, project }],
  releaseHold: ({ hold }) => ['DELETE', `/v1/holds/${hold}`],
  listSuppressions: ({ project }) => ['GET', `/v1/suppressions?project=${project}`],
  getSuppression: ({ suppression }) => ['GET', `/v1/suppressions/${suppression}`],
  placeSuppression: ({ project }) => ['POST', '/v1/suppressions', { project, kind: 'user', identity: user('u-3') }],
  liftSuppression: ({ project, suppressed }) => [
    'DELETE',
    '/v1/suppressions',
    { project, kind: 'user', identity: user(suppressed) },
  ],
  listSystems: ({ project }) => ['GET', `/v1/systems?project=${project}`],
  getSystem: () => ['GET', '/v1/systems/app'],
  pauseSystem: ({ project }) => ['POST', '/v1/systems/app/pause', { project, reason }],
  resumeSystem: ({ project }) => ['POST', '/v1/systems/app/resume', { project, reason }],
  listTasks: ({ project }) => ['GET', `/v1/tasks?project=${project}`],
  getTask: ({ task }) => ['GET', `/v1/tasks/${task}`],
  revealTask: ({ task }) => ['POST', `/v1/tasks/${task}/reveal`],
  completeTask: ({ task }) => ['POST', `/v1/tasks/${task}/done`],
  declineTask: ({ task }) => ['POST', `/v1/tasks/${task}/not-possible`, { reason }],
  listActivity: ({ project }) => ['GET', `/v1/activity?project=${project}`],
  listMembers: () => ['GET', '/v1/members'],
  addMember: () => ['POST', '/v1/members', { name: crypto.randomUUID(), role: 'admin' }],
  removeMember: ({ member }) => ['DELETE', `/v1/members/${member}`],
  createToken: () => ['POST', '/v1/tokens', { name: 'job', kinds: ['deletion'] }],
  listTokens: ({ member }) => ['GET', `/v1/tokens?member=${member}`],
  revokeToken: ({ token }) => ['DELETE', `/v1/tokens/${token}`],
  addWebhook: () => ['POST', '/v1/webhooks', WEBHOOK],
  listWebhooks: () => ['GET', '/v1/webhooks'],
  removeWebhook: ({ webhook }) => ['DELETE', `/v1/webhooks/${webhook}`],
  rotateWebhookSecret: ({ webhook }) => ['POST', `/v1/webhooks/${webhook}/rotate`, {}],
  enableWebhook: ({ webhook }) => ['POST', `/v1/webhooks/${webhook}/enable`],
  listDeliveries: ({ webhook }) => ['GET', `/v1/webhooks/${webhook}/deliveries`],
  retryDelivery: ({ webhook, delivery }) => ['POST', `/v1/webhooks/${webhook}/deliveries/${delivery}/retry`],
  checkLiveness: () => ['GET', '/healthz'],
  checkReadiness: () => ['GET', '/readyz'],
};
export const WEBHOOK = { url: 'https://hooks.test/lethe' };
export const HOLD = { kind: 'user', identities: [user('u-2')], caseRef: 'C-1', heldBy: 'counsel' };

const NO_ID = '0000000000007000800000000000abcd';
/** Ids of objects that do not exist. */
export const MISSING_TARGETS: Targets = {
  project: 'nowhere',
  request: `req_${NO_ID}`,
  export: `req_${NO_ID}`,
  link: `link_${NO_ID}`,
  hold: `hold_${NO_ID}`,
  suppressed: 'unknown',
  suppression: `sup_${NO_ID}`,
  task: `task_${NO_ID}`,
  member: `mem_${NO_ID}`,
  token: `tok_${NO_ID}`,
  webhook: `wh_${NO_ID}`,
  delivery: `evt_${NO_ID}`,
};

/** One entry per operation and caller. */
export const cells = MATRIX.trim()
  .split('\n')
  .flatMap((line) => {
    const [operationId = '', ...row] = line.trim().split(/ +/);
    if (row.length !== CALLERS.length) throw new Error(`${operationId} has ${row.length} cells`);
    return row.map((cell, index) => ({
      operationId,
      caller: CALLERS[index] ?? '',
      status: Number(cell.slice(0, 3)),
      needs: cell
        .slice(3)
        .split('')
        .map((letter) => NEEDS[letter]),
    }));
  });

export const callOf = (operationId: string, targets: Targets): Call => {
  const call = CALLS[operationId];
  if (call === undefined) throw new Error(`CALLS has no entry for ${operationId}`);
  return call(targets);
};

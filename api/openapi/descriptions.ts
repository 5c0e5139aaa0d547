import { WEBHOOK_WORDS } from './webhook-descriptions.ts';

/**
 * The story that every example of the document tells: one person's export, and two people's deletion, asked for on a Monday at ten, hidden at
 * once, due after fourteen days of grace. Keys are paths of members, below a schema or an operation where one differs.
 */
const REQUEST = 'req_01a207d921007000b1946aa6e9a5b3c1';
const EXPORT = 'req_01a207d921007000a7d2f81c04be9365';
const LINK = 'link_01a207ddb4e07000b0c7d3e45f1a2968';
const MEMBER = 'mem_01a1f82f1e807000a4c25d0b7e61f092';
const TOKEN = 'tok_01a1f82f1e807000b7d3c9e20f4a6158';
const HOLD = 'hold_01a207ddb4e07000913e7f2c5a0d8b46';
const SUPPRESSION = 'sup_01a207ddb4e07000ac5104e7d9f2b683';

const FRIDAY = '2026-11-20T09:00:00.000Z';
const A_YEAR_ON = '2027-11-20T09:00:00.000Z';
const MONDAY = '2026-11-23T10:00:00.000Z';
const LATER = '2026-11-23T10:05:00.000Z';
const READY = '2026-11-23T10:03:00.000Z';
const RUN = '2026-12-08T02:00:00.000Z';
const VERIFIED = '2026-12-09T02:00:00.000Z';
const ENDED = '2026-12-09T02:00:05.000Z';
const SHA256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const HREF = `/v1/requests/${REQUEST}`;
const CURSOR = 'MTc5NTQyODAwMDAwMCByZXFfMDFhMjA3ZDkyMTAwNzAwMGIxOTQ2YWE2ZTlhNWIzYzE';

const CSV = `id,at,requestId,actor,actorName,action,detail\n4711,${MONDAY},${REQUEST},${MEMBER},ann,request.received,"{""selection"":""identities"",""submitted"":2}"\n`;

const UPLOAD = 'email,business_unit\nann@x.test,berlin\nbob@x.test,\nAnn@x.test,Berlin\nbob@x.test,hamburg\n';

export const WORDS: Readonly<Record<string, unknown>> = {
  id: REQUEST,
  requestId: REQUEST,
  href: HREF,
  nextCursor: CURSOR,
  project: 'demo',
  regulation: 'gdpr',
  reason: 'ticket 4711',
  status: 'grace',
  submitted: 2,
  submittedBy: MEMBER,
  receivedAt: MONDAY,
  resolvedAt: '2026-11-23T10:00:01.000Z',
  dueAt: '2026-12-23T10:00:00.000Z',
  hardDeleteAt: RUN,
  cancellableUntil: RUN,
  estimatedCompletionAt: VERIFIED,
  concludedAt: null,
  failure: null,
  expedite: null,
  outcome: 'soft_deleted',
  processor: 'app',
  processors: ['app'],
  heldBy: 'counsel',
  caseRef: 'C-7',
  identities: [{ type: 'email', value: ['ann@x.test', 'berlin'] }],

  ready: true,
  'healthz.status': 'ok',
  'AcceptedRequest.status': 'received',
  'links.self': HREF,
  'links.subjects': `${HREF}/subjects`,
  'links.progress': `${HREF}/progress`,
  'links.receipt': `${HREF}/receipt`,
  'links.log': `${HREF}/log`,
  'links.confirm': `${HREF}/confirm`,
  'links.archive': `${HREF}/archive`,
  'links.downloads': `${HREF}/links`,

  'RequestStatus.confirmation': null,
  'RequestStatus.format': null,
  'RequestStatus.backupOf': null,
  'RequestStatus.archive': null,
  'RequestStatus.backups': [],
  'RequestStatus.kind': 'deletion',
  'AcceptedRequest.kind': 'deletion',
  'AcceptedUpload.kind': 'deletion',
  'RequestSummary.kind': 'deletion',
  'NewConfirmation.expectedCount': 2,
  'Confirmed.subjects': 2,

  'RequestStatus.subjects.resolved': 2,
  'states.soft_deleted': 2,
  'RequestStatus.attention': [],
  'RequestStatus.unverified': [{ processor: 'mail', level: 'attested', saidAt: null }],
  'RequestStatus.notHiddenIn': ['mail'],
  'RequestStatus.skipped': [],

  'Subject.position': 2,
  'Subject.type': 'email',
  'Subject.value': ['ann@x.test', 'berlin'],
  'Subject.reason': null,
  'Subject.duplicateOf': null,
  'Subject.line': null,
  'Subject.identityCount': 2,
  'Subject.identities': [
    { type: 'user_id', value: ['u-23'], origin: 'key', shared: false },
    { type: 'email', value: ['ann@x.test', 'berlin'], origin: 'submitted', shared: false },
  ],

  'Progress.status': 'deleting',
  'batches.batch': 1,
  'batches.state': 'deleting',
  'batches.pass': 1,
  'batches.subjects': 2,
  'batches.finished': 1,
  'batches.removed': 14,
  'batches.blanked': 0,
  'live.waitingFor': 'deletion',
  'activities.activity': 'deleteBatch',
  'activities.attempt': 1,
  'activities.nextAttemptAt': null,

  'Cancellation.positions': [2],
  'cancelRequest.cancelled': 1,
  'cancelRequest.tooLate': [],
  'cancelRequest.tooLateCount': 0,
  'expediteRequest.hardDeleteAt': '2026-11-24T02:00:00.000Z',

  'DeletionReceipt.status': 'completed',
  'DeletionReceipt.scope': 'data',
  'DeletionReceipt.subjectKind': 'user',
  'DeletionReceipt.final': true,
  'DeletionReceipt.concludedAt': ENDED,
  'DeletionReceipt.subjects': { deleted: 2 },
  'DeletionReceipt.outcomes': { deleted: 2 },
  'DeletionReceipt.processors': [
    {
      processor: 'app',
      state: 'verified',
      verifiedAt: VERIFIED,
      skipReason: null,
      survivors: 0,
      tables: [
        { table: 'app.users', removed: 2, blanked: 0, retained: [] },
        { table: 'app.invoices', removed: 0, blanked: 0, retained: [{ basis: 'tax law, 10 years', count: 3 }] },
      ],
    },
  ],
  'DeletionReceipt.unverified': [{ processor: 'mail', level: 'attested', saidAt: '2026-12-08T02:01:00.000Z' }],
  'DeletionReceipt.backups': [],
  'DeletionReceipt.limits': [
    'What a processor collects again after the last look is not covered; a suppression asks it not to.',
  ],

  'ExportReceipt.requestId': EXPORT,
  'ExportReceipt.subjectKind': 'user',
  'ExportReceipt.scope': 'data',
  'ExportReceipt.csv': null,
  'ExportReceipt.packagedAt': READY,
  'ExportReceipt.since': null,
  'ExportReceipt.subjects': 1,
  'ExportReceipt.processors': [{ processor: 'app', cutOffAt: '2026-11-23T10:02:00.000Z' }],
  'ExportReceipt.notIncluded': ['mail'],
  'ExportReceipt.files': [
    {
      processor: 'app',
      table: 'app.orders',
      path: 'data/app/app.orders.ndjson',
      meaning: 'What was ordered',
      columns: [
        { name: 'order_id', type: 'bigint', meaning: null, source: false },
        { name: 'placed_at', type: 'timestamptz', meaning: 'When it was ordered', source: false },
      ],
      windowed: false,
      retained: null,
      rows: 3,
      bytes: 171,
      sha256: SHA256,
    },
  ],

  'makeLink.parameters.id': EXPORT,
  'listLinks.parameters.id': EXPORT,
  'revokeLink.parameters.id': EXPORT,
  'destroyArchive.parameters.id': EXPORT,
  'parameters.linkId': LINK,
  'NewLink.expiresIn': 86_400,
  'MadeLink.id': LINK,
  'MadeLink.url': 'https://lethe.example/download/q7Xn0sVbW4yLr2eJtC9oZk1uHdM8fPa5gQxRiTwE3vA',
  'MadeLink.expiresAt': '2026-11-24T10:05:00.000Z',
  'Link.id': LINK,
  'Link.createdAt': LATER,
  'Link.createdBy': MEMBER,
  'Link.expiresAt': '2026-11-24T10:05:00.000Z',
  'Link.usedAt': null,

  'collections.epoch': 1,
  'collections.state': 'collected',
  'collections.rows': 12,
  'collections.bytes': 4_096,

  'LookedUp.exports': [],
  'LookedUp.deletions': [],
  'LookedUp.holds': [{ id: HOLD, caseRef: 'C-7', heldBy: 'counsel', placedAt: LATER }],
  'LookedUp.suppressions': [{ id: SUPPRESSION, requestId: null, since: LATER }],

  'Hold.id': HOLD,
  'Hold.tooLate': [],
  'matching.subjects': 1,
  placedAt: LATER,
  'releaseHold.parameters.id': HOLD,

  'placeSuppression.id': SUPPRESSION,
  'liftSuppression.id': SUPPRESSION,
  since: LATER,
  liftedAt: '2026-11-24T08:00:00.000Z',

  'Event.id': 4711,
  at: MONDAY,
  actor: MEMBER,
  'Event.actorName': 'ann',
  'Event.action': 'request.received',
  'Event.detail': { selection: 'identities', submitted: 2 },
  'readLog.text/csv': CSV,
  'listActivity.text/csv': CSV,

  'uploadSubjects.text/csv': UPLOAD,
  'multipart/form-data.file': UPLOAD,
  'multipart/form-data.type': 'email',
  'multipart/form-data.expedite': undefined,
  'multipart/form-data.reason': undefined,
  'AcceptedUpload.status': 'received',
  'AcceptedUpload.lines': { total: 4, accepted: 2, merged: 1, failed: 1, blank: 0 },
  'AcceptedUpload.submitted': 4,
  'AcceptedUpload.failures': [{ line: 3, reason: 'empty' }],
  'AcceptedUpload.mergedInto': [{ line: 4, into: 2 }],

  'Member.id': MEMBER,
  'AddedMember.id': MEMBER,
  'removeMember.parameters.id': MEMBER,
  addedAt: FRIDAY,
  'MintedToken.id': TOKEN,
  'MintedToken.token': `lethe_${'0123456789abcdef'.repeat(4)}_00000000`,
  'Token.id': TOKEN,
  'Token.member': MEMBER,
  'Token.kinds': null,
  'MintedToken.kinds': null,
  'MintedToken.access': 'write',
  'NewToken.role': 'admin',
  'NewToken.kinds': ['deletion'],
  'mintToken.MintedToken.role': 'admin',
  'mintToken.MintedToken.kinds': ['deletion'],
  'revokeToken.parameters.id': TOKEN,
  createdAt: FRIDAY,
  lastUsedAt: MONDAY,
  revokedAt: null,
  expiresAt: A_YEAR_ON,

  ...WEBHOOK_WORDS,
};

/**
 * Values that several examples of the document share. All examples belong to one scenario: the export of one person, and
 * the deletion of two people, received on a Monday at 10:00 UTC and due after a grace period of 14 days.
 */
export const SAMPLE = {
  request: 'req_01a207d921007000b1946aa6e9a5b3c1',
  export: 'req_01a207d921007000a7d2f81c04be9365',
  member: 'mem_01a1f82f1e807000a4c25d0b7e61f092',
  hold: 'hold_01a207ddb4e07000913e7f2c5a0d8b46',
  task: 'task_01a255d4b0a070009a1be0c7f2d84e63',
  suppression: 'sup_01a207ddb4e07000ac5104e7d9f2b683',
  cursor: 'MTc5NTQyODAwMDAwMCByZXFfMDFhMjA3ZDkyMTAwNzAwMGIxOTQ2YWE2ZTlhNWIzYzE',
  addedAt: '2026-11-20T09:00:00.000Z',
  receivedAt: '2026-11-23T10:00:00.000Z',
  placedAt: '2026-11-23T10:05:00.000Z',
  hardDeleteAt: '2026-12-08T02:00:00.000Z',
  verifiedAt: '2026-12-09T02:00:00.000Z',
} as const;

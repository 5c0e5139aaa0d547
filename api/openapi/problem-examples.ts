import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';
import { PROBLEMS, problemType } from '../http/problems.ts';

/** The `detail` of each code in the examples of the document, and the fields that only this code has. */
const DETAILS: Readonly<Record<ErrorCode, { readonly detail: string; readonly [field: string]: unknown }>> = {
  malformed_json: { detail: 'The body is not valid JSON. Nothing was changed; send one JSON object.' },
  json_too_complex: {
    detail: 'The JSON of the body has more than 32 levels. Nothing was changed; send fewer or flatter values.',
  },
  unexpected_body: {
    detail: 'The operation takes no body, so that it was not read. Nothing was changed; send the call without a body.',
  },
  invalid_request: {
    detail: '1 validation error, listed in `errors`. Nothing was changed.',
    errors: [
      {
        in: 'body',
        pointer: '/subjects/identities/0/type',
        code: 'unknown_type',
        detail: 'is unknown; known identity types: user_id, alias, email',
      },
    ],
  },
  unauthorized: {
    detail: 'The bearer token has expired. Use another token of the member, or ask an owner for one.',
  },
  forbidden: {
    detail: 'The call needs `owner`, which the token does not have. Nothing was changed.',
    needs: ['owner'],
  },
  https_required: {
    detail:
      'The call used plain HTTP from another machine. Nothing was changed; use HTTPS, and revoke a token that was sent.',
  },
  rate_limited: {
    detail: 'The token has used its 600 calls per minute. Nothing was changed; retry in 1 s.',
    'violated-policies': ['calls'],
  },
  not_found: { detail: 'The API has no such path. See /docs for all paths.' },
  method_not_allowed: { detail: 'The path accepts GET, POST. Nothing was changed.' },
  project_not_found: {
    detail: 'The token has no access to a project of this name. Nothing was changed; check `project`.',
  },
  request_not_found: { detail: 'The project has no request with this id. Nothing was changed; check the id.' },
  hold_not_found: { detail: 'The project has no legal hold with this id. Nothing was changed; check the id.' },
  suppression_not_found: {
    detail: 'The identity has no suppression in this project. Nothing was changed; check `identity`.',
  },
  member_not_found: { detail: 'The project has no member with this id. Nothing was changed; check the id.' },
  token_not_found: { detail: 'No token with this id is accessible to the caller. Nothing was changed; check the id.' },
  no_receipt_yet: {
    detail: 'The request has no claimed subject and no ready archive yet. Retry later; `status` shows its progress.',
  },
  body_too_large: {
    detail: 'The body has more than 10000000 bytes. Nothing was stored; split the list into several calls.',
    limit: 10_000_000,
  },
  too_many_subjects: {
    detail:
      'The request has 2400 identities, the limit is 2000. Nothing was stored; split the list, select a segment, or upload a file with POST /v1/uploads (up to 10000).',
    limit: 2_000,
    submitted: 2_400,
  },
  unsupported_media_type: {
    detail: 'The body is not declared as JSON. Nothing was changed; send Content-Type: application/json.',
  },
  malformed_csv: {
    detail: 'Line 17: a quote is never closed. Nothing was stored; correct the file and upload it again.',
    line: 17,
  },
  subject_conflict: {
    detail:
      'Another open deletion owns 1 of the subjects. Nothing was stored; remove `positions`, or set `onConflict` to attach.',
    positions: [2],
  },
  idempotency_key_in_use: {
    detail:
      'The first call with this Idempotency-Key is still running. Send the call again after the seconds in Retry-After.',
  },
  idempotency_key_reused: {
    detail: 'The Idempotency-Key was used with a different body. Nothing was stored; use a new key.',
  },
  not_awaiting_confirmation: {
    detail:
      'The request needs no confirmation, or is already confirmed. Nothing was changed; see `status` of the request.',
  },
  needs_another_owner: {
    detail:
      'Only an owner other than the submitter can confirm a request for everyone. Nothing was changed; ask another owner.',
  },
  count_moved: {
    detail:
      '2501 subjects wait for a confirmation, not 2500. Nothing was changed; fetch the request and confirm its count.',
    subjects: 2_501,
  },
  confirmation_expired: {
    detail: 'The confirmation expired at 2026-11-26T10:00:00.000Z. Nothing was changed; submit the request again.',
  },
  unmatched_exceptions: {
    detail:
      '1 of the exceptions matched no subject. Nothing was changed; submit the request again, or set `acceptUnmatched`.',
    positions: [3],
  },
  member_exists: {
    detail: 'The project already has a member with this name. Nothing was changed; choose another `name`.',
  },
  last_owner: { detail: 'The member is the last owner of the project. Nothing was changed; add another owner first.' },
  too_late: {
    detail: 'All selected subjects are already claimed, deleted, exported or cancelled. Nothing was changed.',
  },
  not_in_attention: { detail: 'No open attention entry matches. Nothing was changed; see `attention` in the request.' },
  wrong_kind: { detail: 'The request is an export, and only deletions support this operation. Nothing was changed.' },
  archive_not_ready: {
    detail:
      'The export has no archive that can be downloaded. No link was created; see `status` and `archive` of the request.',
  },
  system_not_found: {
    detail: 'The project has no system with this name. Nothing was changed; see `GET /v1/systems`.',
  },
  system_not_stopped: {
    detail: 'The system is not paused, and steps call it. Nothing was changed; see `state` of the system.',
  },
  link_not_found: { detail: 'The request has no download link with this id. Nothing was changed; check the id.' },
  webhook_not_found: { detail: 'The project has no webhook with this id. Nothing was changed; check the id.' },
  too_many_webhooks: {
    detail: 'The project already has 10 webhooks, which is the maximum. Nothing was changed; remove one first.',
  },
  delivery_not_found: { detail: 'The webhook has no delivery with this id. Nothing was changed; check the id.' },
  task_not_found: { detail: 'The project has no task with this id. Nothing was changed; check the id.' },
  task_not_open: {
    detail: 'The task was already answered with done. Nothing was changed; retry the system to open it again.',
    state: 'done',
  },
  identities_purged: {
    detail: 'The identities of the task are purged, because its subjects are deleted. The task itself remains.',
  },
  storage_unavailable: {
    detail: 'The database of Lethe cannot be reached. The call was stored completely or not at all; retry it later.',
  },
  busy: {
    detail:
      'The call waited too long for another change, or took too long. Nothing was changed; retry it after the seconds in Retry-After.',
  },
  project_misconfigured: {
    detail:
      'The configuration of the project has errors, which the log of the API lists. Nothing was changed; retry the call after an operator has corrected them.',
  },
  internal: { detail: 'An unexpected error occurred. The log of the API has the cause under the id in `instance`.' },
};

const INSTANCE = '6f1c1b7e-3c58-4d0e-9a5c-0b4f3f6f2a11';

/** `components.examples`: one problem per code. */
export const PROBLEM_EXAMPLES = Object.fromEntries(
  ERROR_CODES.map((code) => {
    const { detail, ...own } = DETAILS[code];
    const { title } = PROBLEMS[code];
    const value = { type: problemType(code), title, status: ERROR_STATUS[code], detail, instance: INSTANCE, code };
    return [code, { summary: title, value: { ...value, ...own } }];
  }),
);

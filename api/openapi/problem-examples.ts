import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';
import { PROBLEMS, problemType } from '../http/problems.ts';

/** The `detail` of each code in the examples of the document, and the fields of its own. */
const DETAILS: Readonly<Record<ErrorCode, { readonly detail: string; readonly [field: string]: unknown }>> = {
  malformed_json: { detail: 'The body is not valid JSON.' },
  invalid_request: {
    detail: '1 validation error, listed in errors. Nothing was stored.',
    errors: [
      {
        in: 'body',
        pointer: '/subjects/identities/0/type',
        code: 'unknown_type',
        detail: 'must be an identity type of this kind of subject: alias, email, user_id',
      },
    ],
  },
  unauthorized: { detail: 'The bearer token has expired.' },
  forbidden: { detail: 'The token lacks: owner.', needs: ['owner'] },
  https_required: { detail: 'The request was sent over plain HTTP.' },
  rate_limited: { detail: 'The token exceeded 600 calls per minute.', 'violated-policies': ['calls'] },
  not_found: { detail: 'No resource exists at this path.' },
  method_not_allowed: { detail: 'The path supports GET, POST.' },
  project_not_found: { detail: 'The project does not exist.' },
  request_not_found: { detail: 'The request does not exist.' },
  hold_not_found: { detail: 'The hold does not exist.' },
  suppression_not_found: { detail: 'No suppression exists for this identity.' },
  member_not_found: { detail: 'The member does not exist.' },
  token_not_found: { detail: 'The token does not exist.' },
  no_receipt_yet: { detail: 'No subject has been claimed, and no archive is ready.' },
  body_too_large: { detail: 'The body exceeds 10000000 bytes.', limit: 10_000_000 },
  too_many_subjects: {
    detail:
      'The request has 2400 identities, the limit is 2000. Nothing was stored: split the list, select a segment, or use POST /v1/uploads with expedite (up to 10000).',
    limit: 2_000,
    submitted: 2_400,
  },
  unsupported_media_type: { detail: 'Send the header Content-Type: application/json.' },
  malformed_csv: { detail: 'A quoted field is not closed.', line: 17 },
  subject_conflict: { detail: 'Another open deletion owns a subject.', positions: [2] },
  idempotency_key_in_use: { detail: 'The first call with this key is still running.' },
  idempotency_key_reused: { detail: 'The key was used with a different body.' },
  not_awaiting_confirmation: { detail: 'The request does not wait for a confirmation.' },
  needs_another_owner: { detail: 'Only an owner other than the submitter can confirm this request.' },
  count_moved: { detail: '2501 subjects wait for the confirmation.', subjects: 2_501 },
  confirmation_expired: { detail: 'The confirmation was possible until 2026-11-26T10:00:00.000Z.' },
  unmatched_exceptions: { detail: '1 exception matches no subject.', positions: [3] },
  member_exists: { detail: 'A member with this name exists.' },
  last_owner: { detail: 'The member is the last owner of the project.' },
  too_late: { detail: 'The named subjects are claimed, deleted or cancelled.' },
  not_in_attention: { detail: 'The system does not need attention.' },
  wrong_kind: { detail: 'The request is an export.' },
  archive_not_ready: { detail: 'The export has no archive to download.' },
  link_not_found: { detail: 'The link does not exist.' },
  webhook_not_found: { detail: 'The webhook does not exist.' },
  too_many_webhooks: { detail: 'The project has 10 webhooks, which is the maximum.' },
  delivery_not_found: { detail: 'The delivery does not exist.' },
  storage_unavailable: { detail: 'The database is unavailable.' },
  internal: { detail: 'An unexpected error occurred.' },
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

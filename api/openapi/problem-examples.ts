import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';
import { PROBLEMS, problemType } from '../http/problems.ts';

/** What each code says in the examples of the document: its `detail`, and the members of its own. */
const SAID: Readonly<Record<ErrorCode, { readonly detail: string; readonly [member: string]: unknown }>> = {
  malformed_json: { detail: 'the body cannot be read as JSON' },
  invalid_request: {
    detail: '1 fault(s), listed under errors',
    errors: [
      {
        in: 'body',
        pointer: '/subjects/identities/0/type',
        code: 'unknown_type',
        detail: 'is no identity type of this project and kind of subject',
      },
    ],
  },
  unauthorized: { detail: 'the bearer token has expired' },
  forbidden: { detail: 'needs owner', needs: ['owner'] },
  https_required: { detail: 'the call came by plain http' },
  rate_limited: { detail: 'a token may make 600 calls a minute', 'violated-policies': ['calls'] },
  not_found: { detail: 'there is nothing at this path' },
  method_not_allowed: { detail: 'the path takes GET, POST' },
  project_not_found: { detail: 'there is no such project' },
  request_not_found: { detail: 'there is no such request' },
  hold_not_found: { detail: 'there is no such hold' },
  suppression_not_found: { detail: 'nothing suppresses this identity' },
  member_not_found: { detail: 'there is no such member' },
  token_not_found: { detail: 'there is no such token' },
  no_receipt_yet: { detail: 'nothing has been claimed so far' },
  body_too_large: { detail: 'a body may have 10000000 bytes', limit: 10_000_000 },
  too_many_subjects: { detail: 'a request takes 2000 identities', limit: 2_000, submitted: 2_400 },
  unsupported_media_type: { detail: 'the body is of another media type' },
  malformed_csv: { detail: 'a quote is never closed', line: 17 },
  subject_conflict: { detail: 'another open deletion owns a subject', positions: [2] },
  idempotency_key_in_use: { detail: 'the first request with this key is still being answered' },
  idempotency_key_reused: { detail: 'the key was used with another body' },
  not_awaiting_confirmation: { detail: 'the request does not wait for a confirmation' },
  needs_another_owner: { detail: 'an owner other than the submitter has to confirm everyone' },
  count_moved: { detail: 'it is another number of subjects than expected', subjects: 2_501 },
  confirmation_expired: { detail: 'the confirmation was due within three days of the count' },
  unmatched_exceptions: { detail: '1 of the exceptions matched nobody', positions: [3] },
  member_exists: { detail: 'a member of this name exists' },
  last_owner: { detail: 'the project would be left without an owner' },
  too_late: { detail: 'what was named is claimed, deleted or ended' },
  not_in_attention: { detail: 'no system waits for an operator here' },
  wrong_kind: { detail: 'the request is an export' },
  archive_not_ready: { detail: 'the export is collecting' },
  link_not_found: { detail: 'there is no such link' },
  webhook_not_found: { detail: 'there is no such webhook' },
  too_many_webhooks: { detail: 'a project has 10 at most' },
  delivery_not_found: { detail: 'there is no such delivery' },
  storage_unavailable: {
    detail: 'the ledger cannot be reached; what is asked is stored whole or not at all',
  },
  internal: { detail: 'the cause is in the log under the id in `instance`' },
};

const INSTANCE = '6f1c1b7e-3c58-4d0e-9a5c-0b4f3f6f2a11';

/** `components.examples`: one problem of each code. */
export const PROBLEM_EXAMPLES = Object.fromEntries(
  ERROR_CODES.map((code) => {
    const { detail, ...own } = SAID[code];
    const { title } = PROBLEMS[code];
    const value = { type: problemType(code), title, status: ERROR_STATUS[code], detail, instance: INSTANCE, code };
    return [code, { summary: title, value: { ...value, ...own } }];
  }),
);

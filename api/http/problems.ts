import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';

/** What each code means and what a caller can do. The `type` of a problem links to this text. */
export const PROBLEMS: Readonly<Record<ErrorCode, { readonly title: string; readonly advice: string }>> = {
  malformed_json: {
    title: 'Malformed JSON',
    advice: 'Nothing was changed. Send one JSON object, encoded in UTF-8.',
  },
  json_too_complex: {
    title: 'JSON too complex',
    advice:
      'Nothing was changed. A body has at most 32 levels, 100 fields per object, 600,000 objects and lists, and 100 digits per number.',
  },
  unexpected_body: {
    title: 'Body not allowed',
    advice:
      'Nothing was changed, and the body was not read. The operation takes none: send the call without a body and without `Content-Length` above 0.',
  },
  invalid_request: {
    title: 'Validation failed',
    advice:
      'Nothing was changed. `errors` lists up to 100 validation errors; the `pointer` of each is a JSON pointer into the body, or the name of a parameter or header. Unknown fields are rejected, so that a misspelled field is not ignored. An upload whose first line or delimiter is unclear is rejected with `header_unclear`, `columns_needed` or `delimiter_unclear`; state `header`, `columns` or `delimiter`.',
  },
  unauthorized: {
    title: 'Authentication failed',
    advice:
      'Send `Authorization: Bearer lethe_…` with a valid token; `detail` names the reason. `npm run member` creates the first token of a member, `POST /v1/tokens` creates further ones.',
  },
  forbidden: {
    title: 'Permission denied',
    advice:
      'Nothing was changed. `needs` lists the missing permissions: `owner` (the role of the member), `write` (the token is read-only), or a request kind that the token is not limited to. Call with a token that has them.',
  },
  https_required: {
    title: 'HTTPS required',
    advice:
      'Nothing was changed. Call through a TLS proxy that sets `X-Forwarded-Proto: https` and whose address is in `LETHE_TRUSTED_PROXIES`; only calls from the same machine may use plain HTTP. Revoke a token that was sent unencrypted.',
  },
  rate_limited: {
    title: 'Rate limit exceeded',
    advice:
      'Nothing was changed. Retry after the seconds in `Retry-After`. The limit is `policy.callsPerMinute` of the project, and every response reports the remaining calls in `RateLimit`.',
  },
  not_found: {
    title: 'Path not found',
    advice: 'Compare the path with `/openapi.json`, which lists every path of the API.',
  },
  method_not_allowed: {
    title: 'Method not allowed',
    advice: 'Nothing was changed. The header `Allow` lists the methods of the path.',
  },
  project_not_found: {
    title: 'Project not found',
    advice:
      'Nothing was changed. A token can access one project only, the project of its member. Project names are the keys of `projects` in lethe.config.ts.',
  },
  request_not_found: {
    title: 'Request not found',
    advice:
      'Check the id: it starts with `req_` and is case-sensitive. Requests of other projects are not visible to the token.',
  },
  hold_not_found: {
    title: 'Legal hold not found',
    advice: 'Check the id: it starts with `hold_` and is case-sensitive. Releasing a hold twice is not an error.',
  },
  suppression_not_found: {
    title: 'Suppression not found',
    advice:
      'Nothing was changed. The identity has no suppression in this project, or it was lifted before. An id starts with `sup_` and is case-sensitive.',
  },
  member_not_found: {
    title: 'Member not found',
    advice: 'Nothing was changed. Check the id: it starts with `mem_`. Removed members are not returned.',
  },
  token_not_found: {
    title: 'Token not found',
    advice:
      'Nothing was changed. Check the id: it starts with `tok_`. An admin can access only its own tokens, an owner those of every member.',
  },
  no_receipt_yet: {
    title: 'No receipt yet',
    advice:
      'Retry later. A deletion has an interim receipt from its first claim, and a final receipt when it has ended; an export has a receipt once its archive is ready.',
  },
  body_too_large: {
    title: 'Body too large',
    advice: 'Nothing was stored. `limit` is the maximum in bytes; split the list into several calls.',
  },
  too_many_subjects: {
    title: 'Too many subjects',
    advice:
      'Nothing was stored. `limit` is the maximum of the project: `policy.subjectsPerRequest`, or `policy.subjectsPerUpload` for an upload that creates a deletion. Split the list.',
  },
  unsupported_media_type: {
    title: 'Unsupported media type',
    advice:
      'Nothing was stored. Send `Content-Type: application/json`, or for an upload `text/csv` or `multipart/form-data`.',
  },
  malformed_csv: {
    title: 'Malformed CSV',
    advice:
      'Nothing was stored. `line`, where present, is the line of the error: a quote that is never closed, text after a closing quote, a record of more than 64 kB, UTF-16, or text that is not UTF-8. Correct the file and upload it again.',
  },
  subject_conflict: {
    title: 'Subject owned by another open deletion',
    advice:
      'Nothing was changed, because `onConflict` is `reject`. `positions` lists the submitted identities concerned (at most 100). Send the request with `onConflict: "attach"` to share the outcome of the other deletion.',
  },
  idempotency_key_in_use: {
    title: 'Idempotency key in use',
    advice:
      'The first request with this `Idempotency-Key` is still being processed. Send the same request again after the seconds in `Retry-After`; the response is then that of the first one.',
  },
  idempotency_key_reused: {
    title: 'Idempotency key reused',
    advice:
      'Nothing was stored. An `Idempotency-Key` identifies one body for 24 hours. Send another body with a new key.',
  },
  not_awaiting_confirmation: {
    title: 'Request not awaiting confirmation',
    advice:
      'Nothing was changed. Only the status `awaiting_confirmation` can be confirmed: the request was sent without `confirm`, is still being counted, is already confirmed, or has ended.',
  },
  needs_another_owner: {
    title: 'Confirmation by another owner required',
    advice:
      'Nothing was changed. A deletion of everyone must be confirmed by an owner who did not submit it and who was a member when it was submitted.',
  },
  count_moved: {
    title: 'Subject count has changed',
    advice: 'Nothing was changed. `subjects` is the current count. Fetch the request and confirm with that count.',
  },
  confirmation_expired: {
    title: 'Confirmation expired',
    advice:
      'Nothing was changed. A request can be confirmed for three days after its subjects were counted. Submit it again.',
  },
  unmatched_exceptions: {
    title: 'Exceptions matched no subject',
    advice:
      'Nothing was changed. `positions` lists the exceptions that the directory does not know (at most 100); a misspelled exception excludes no subject. Cancel the request and submit it again, or confirm it with `acceptUnmatched: true`.',
  },
  member_exists: {
    title: 'Member already exists',
    advice: 'Nothing was changed. Names are unique within a project. The name of a removed member can be used again.',
  },
  last_owner: {
    title: 'Last owner of the project',
    advice: 'Nothing was changed. A project must have an owner: add another owner first.',
  },
  too_late: {
    title: 'Too late for this change',
    advice:
      'Nothing was changed. The subjects are already claimed, deleted, exported or cancelled, or the request has ended. A claimed subject cannot be cancelled, because its deletion has begun.',
  },
  wrong_kind: {
    title: 'Not supported for this request kind',
    advice:
      'Nothing was changed. Exports have no grace period, confirmation or skippable systems; deletions have no archive. `backups` in the status of a deletion lists the exports that precede it.',
  },
  archive_not_ready: {
    title: 'Archive not available',
    advice:
      'Nothing was changed. The archive exists while the status of the export is `ready`. It is no longer available once a member destroys it, it expires, or deletions claim all of its subjects; submit a new export.',
  },
  system_not_found: {
    title: 'System not found',
    advice: 'Nothing was changed. `GET /v1/systems` lists the systems of the project.',
  },
  system_not_stopped: {
    title: 'System not paused',
    advice:
      'Nothing was changed. Only a system that is paused, whose outage is confirmed, or whose lane is postponed can be resumed. `GET /v1/systems` shows its state.',
  },
  link_not_found: {
    title: 'Download link not found',
    advice: 'Nothing was changed. Check the id: it starts with `link_` and belongs to this request.',
  },
  webhook_not_found: {
    title: 'Webhook not found',
    advice: 'Nothing was changed. Check the id: it starts with `wh_`. Removed webhooks are not returned.',
  },
  delivery_not_found: {
    title: 'Delivery not found',
    advice: 'Nothing was changed. Check the id: it starts with `evt_` and belongs to this webhook.',
  },
  task_not_found: {
    title: 'Task not found',
    advice: 'Nothing was changed. Check the id: it starts with `task_` and belongs to this project.',
  },
  task_not_open: {
    title: 'Task not open',
    advice:
      'Nothing was changed. `state` says how the task ended. Retry the system of its request to open a task again that was not possible.',
  },
  identities_purged: {
    title: 'Identities purged',
    advice:
      'The subjects of the task are deleted and their identities are purged. Nothing is left to do in the system.',
  },
  too_many_webhooks: {
    title: 'Too many webhooks',
    advice:
      'Nothing was changed. Remove a webhook that is not needed, or forward the notifications of an existing one.',
  },
  not_in_attention: {
    title: 'No system needs attention',
    advice: 'Nothing was changed. Only a system listed in `attention` of the request can be retried or skipped.',
  },
  storage_unavailable: {
    title: 'Database unavailable',
    advice:
      'Retry after the seconds in `Retry-After`. A call is stored completely or not at all; if the connection broke during the call, list the requests before you send it again, or use an `Idempotency-Key`.',
  },
  busy: {
    title: 'Database busy',
    advice:
      'Nothing was changed: the call waited too long for another change of the project, or took too long itself. Send the same call again after the seconds in `Retry-After`. If it fails again, an operator finds the cause in the metric `lethe_project_lock_seconds`.',
  },
  project_misconfigured: {
    title: 'Project misconfigured',
    advice:
      'Nothing was changed. `lethe.config.ts` has config errors in this project; other projects are not affected. The log of the API lists the errors. Retry when an operator has corrected them and restarted the API.',
  },
  internal: {
    title: 'Internal error',
    advice: 'The log of the API has the cause; search it for the id in `instance`.',
  },
};

/** A link to /docs/problems. `rate_limited` has a registered type (draft-ietf-httpapi-ratelimit-headers-10). */
export const problemType = (code: ErrorCode): string =>
  code === 'rate_limited' ? 'https://iana.org/assignments/http-problem-types#quota-exceeded' : `/docs/problems#${code}`;

export const PROBLEMS_INTRODUCTION =
  'Find the `code` of an error below to learn what it means, what was not changed and what to do. Every error is an RFC 9457 problem (`application/problem+json`), and `code` determines `status` and `title`. `detail` describes this occurrence, `type` links to the description of the code, and `instance` is the id of the call in the log of the API. A problem never contains an identity.';

/** The text of docs/problems.md, which a test compares, and of the path /docs/problems.md. */
export const problemsPage = (): string =>
  [
    '# Problems',
    PROBLEMS_INTRODUCTION,
    ...ERROR_CODES.flatMap((code) => [
      `## ${code}`,
      `**${ERROR_STATUS[code]} ${PROBLEMS[code].title}.** ${PROBLEMS[code].advice}`,
    ]),
  ].join('\n\n') + '\n';

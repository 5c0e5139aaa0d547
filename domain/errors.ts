/** Every error code that the API returns, with its HTTP status. docs/problems.md explains each code. */
export const ERROR_STATUS = {
  malformed_json: 400,
  json_too_complex: 400,
  unexpected_body: 400,
  invalid_request: 422,
  unauthorized: 401,
  forbidden: 403,
  https_required: 403,
  rate_limited: 429,
  not_found: 404,
  method_not_allowed: 405,
  project_not_found: 404,
  request_not_found: 404,
  hold_not_found: 404,
  suppression_not_found: 404,
  member_not_found: 404,
  token_not_found: 404,
  no_receipt_yet: 409,
  body_too_large: 413,
  too_many_subjects: 422,
  unsupported_media_type: 415,
  malformed_csv: 422,
  subject_conflict: 409,
  idempotency_key_in_use: 409,
  idempotency_key_reused: 422,
  not_awaiting_confirmation: 409,
  needs_another_owner: 403,
  count_moved: 409,
  confirmation_expired: 409,
  unmatched_exceptions: 409,
  member_exists: 409,
  last_owner: 409,
  too_late: 409,
  not_in_attention: 409,
  wrong_kind: 409,
  archive_not_ready: 409,
  system_not_found: 404,
  system_not_stopped: 409,
  link_not_found: 404,
  webhook_not_found: 404,
  delivery_not_found: 404,
  task_not_found: 404,
  task_not_open: 409,
  identities_purged: 410,
  too_many_webhooks: 409,
  storage_unavailable: 503,
  busy: 503,
  project_misconfigured: 503,
  internal: 500,
} as const satisfies Record<string, number>;
export type ErrorCode = keyof typeof ERROR_STATUS;
const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERROR_STATUS, text);
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(ERROR_STATUS).filter(isErrorCode);

/** An error for the caller. `message` is shown, logged and stored, so it never contains an identity. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  /** Further fields of the problem response, such as `positions`. */
  readonly details: Readonly<Record<string, unknown>>;
  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'DomainError';
    this.code = code;
    this.details = details;
  }
}

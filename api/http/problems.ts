import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';

/** What each code means and what a caller can do: the page that every problem's `type` leads to. */
export const PROBLEMS: Readonly<Record<ErrorCode, { readonly title: string; readonly advice: string }>> = {
  malformed_json: {
    title: 'The body is not JSON',
    advice: 'Nothing was stored. Send one JSON object, as UTF-8.',
  },
  invalid_request: {
    title: 'The request says something that cannot be',
    advice:
      'Nothing was stored. `errors` names each fault by a JSON pointer into the body (or the name of a parameter), at most 100 of them. Members that are not in the document are refused, so that a misspelt one is not silently ignored.',
  },
  unauthorized: {
    title: 'A valid bearer token is needed',
    advice:
      'Send `Authorization: Bearer lethe_…`. A token is mistyped, unknown, expired or revoked; `detail` says which of these as far as that is known. The first one is made by `npm run member`, further ones by `POST /v1/tokens`.',
  },
  forbidden: {
    title: 'The token may not do this',
    advice:
      '`needs` lists what is missing: `owner` (the role), `write` (the token only reads), or a kind of request (the token is limited to others). Another member, or another token, may.',
  },
  https_required: {
    title: 'The call must come by https',
    advice:
      'Tokens and identities do not travel in clear. Put a proxy that speaks TLS in front and name its address in `LETHE_TRUSTED_PROXIES`; it says `X-Forwarded-Proto: https`. Calls from the machine itself are exempt. A token that was sent in clear has been read: end it.',
  },
  rate_limited: {
    title: 'The token has made too many calls',
    advice:
      '`violated-policies` names the limit (`policy.callsPerMinute` of the project), `Retry-After` says in how many seconds there is room again. `RateLimit` of every answer tells what is left.',
  },
  not_found: { title: 'There is nothing here', advice: 'The path is not one of `/openapi.json`.' },
  method_not_allowed: {
    title: 'The path exists, the method does not',
    advice: 'The header `Allow` lists the methods of the path.',
  },
  project_not_found: {
    title: 'There is no such project',
    advice: 'A project is a key of `projects` in lethe.config.ts.',
  },
  request_not_found: { title: 'There is no such request', advice: 'Ids start with `req_` and are exact.' },
  hold_not_found: {
    title: 'There is no such legal hold',
    advice: 'Ids start with `hold_` and are exact. Releasing one twice is no error.',
  },
  suppression_not_found: {
    title: 'Nothing suppresses this identity',
    advice: 'There is no suppression for it in this project, or it has been lifted before.',
  },
  member_not_found: { title: 'There is no such member', advice: 'Ids start with `mem_`; a removed member is none.' },
  token_not_found: {
    title: 'There is no such token',
    advice: 'Ids start with `tok_` and are those of your own tokens; an owner sees those of every member.',
  },
  no_receipt_yet: {
    title: 'There is no receipt yet',
    advice:
      'Nothing of a deletion has been claimed so far: from the first claim on its receipt is an interim one, final when the request has ended. An export has one once its archive is ready.',
  },
  body_too_large: {
    title: 'The body is too large',
    advice: '`limit` is the number of bytes that are taken. Divide the list.',
  },
  too_many_subjects: {
    title: 'Too many subjects for one request',
    advice:
      '`limit` is the number that the project allows: `policy.subjectsPerRequest`, or for an expedited upload `policy.subjectsPerUpload`. Divide the list.',
  },
  unsupported_media_type: {
    title: 'The body is of another media type',
    advice: 'Send `Content-Type: application/json`, or for an upload `text/csv` or `multipart/form-data`.',
  },
  malformed_csv: {
    title: 'The file is not CSV',
    advice:
      'Nothing was stored. `line`, where it is known, is where it cannot be read any further: a quote that is never closed, text behind one, a record of more than 64 kB, or what is no UTF-8. A file that ended too early is none either.',
  },
  subject_conflict: {
    title: 'Another open deletion owns a subject',
    advice:
      'Nothing was stored, because `onConflict` was `reject`. `positions` names the submitted identities concerned (at most 100). With `attach` the request shares the outcome of the other.',
  },
  idempotency_key_in_use: {
    title: 'The first request with this Idempotency-Key is still being answered',
    advice: 'Ask again after the seconds in `Retry-After`: the answer of the first is then given again.',
  },
  idempotency_key_reused: {
    title: 'The Idempotency-Key was used for another request',
    advice: 'Nothing was stored. A key stands for one body, for 24 hours. Use a new key for a new request.',
  },
  not_awaiting_confirmation: {
    title: 'The request does not wait for a confirmation',
    advice: 'It was sent without `confirm`, is still being counted, is confirmed already, or has ended.',
  },
  needs_another_owner: {
    title: 'Another owner has to confirm this',
    advice:
      'Everyone is deleted only when an owner other than the member who submitted the request confirms it, one who was a member already when it was submitted.',
  },
  count_moved: {
    title: 'It is another number of subjects than expected',
    advice:
      'Nothing was hidden. `subjects` is the number now. Read the request again, and confirm the number that you mean.',
  },
  confirmation_expired: {
    title: 'The confirmation came too late',
    advice: 'It can be given for three days after the count. Nothing was touched. Send the request anew.',
  },
  unmatched_exceptions: {
    title: 'An exception matched nobody',
    advice:
      'Nothing was hidden. `positions` names the exceptions that the directory does not know (at most 100): one that is mistyped spares nobody. Cancel the request and send it anew, or confirm it with `acceptUnmatched: true`.',
  },
  member_exists: {
    title: 'A member of this name exists',
    advice: 'Names are unique in a project. A removed member leaves the name free.',
  },
  last_owner: {
    title: 'The project would be left without an owner',
    advice: 'Add another owner first.',
  },
  too_late: {
    title: 'It is too late for that',
    advice:
      'What was named is claimed, deleted, cancelled or ended. The claim is the point of no return: deletion has begun.',
  },
  wrong_kind: {
    title: 'Requests of this kind have no such thing',
    advice:
      'Nothing was changed. An export has no grace period, no confirmation and no system to skip; a deletion has no archive of its own: `backups` of its status names those that were made for it.',
  },
  archive_not_ready: {
    title: 'The archive is not ready, or no longer there',
    advice:
      'Links are made while the status is `ready`. What was destroyed, has expired, or held a subject that was deleted since cannot be had back: ask for a new export.',
  },
  link_not_found: { title: 'There is no such link', advice: 'Ids start with `link_` and are those of this request.' },
  webhook_not_found: { title: 'There is no such webhook', advice: 'Ids start with `wh_`; a removed webhook is none.' },
  delivery_not_found: {
    title: 'There is no such delivery',
    advice: 'Ids start with `evt_` and are those of this webhook.',
  },
  too_many_webhooks: {
    title: 'The project has as many webhooks as it may',
    advice: 'Each is told of everything that changes: remove one that is not needed, or pass on what one receives.',
  },
  not_in_attention: {
    title: 'No system waits for an operator here',
    advice: 'Only a system that is listed under `attention` of the request can be retried or skipped.',
  },
  storage_unavailable: {
    title: 'The ledger cannot be reached',
    advice:
      'Try again after the seconds in `Retry-After`. What is asked is stored whole or not at all; where the connection broke in the middle, list the requests first.',
  },
  internal: {
    title: 'Something went wrong on our side',
    advice: 'The log has the cause under the id in `instance`.',
  },
};

/** Ours lead to /docs/problems; of a spent budget there is a registered one (draft-ietf-httpapi-ratelimit-headers-10). */
export const problemType = (code: ErrorCode): string =>
  code === 'rate_limited' ? 'https://iana.org/assignments/http-problem-types#quota-exceeded' : `/docs/problems#${code}`;

export const PROBLEMS_INTRODUCTION =
  'Every error is an RFC 9457 problem (`application/problem+json`): `type` leads here (that of `rate_limited` to its registration), `code` is one of this closed list, `status` and `title` go with it, `detail` says what happened this time, and `instance` is the id of the request in the log. No problem ever contains an identity.';

/** docs/problems.md, and /docs/problems.md. */
export const problemsPage = (): string =>
  [
    '# Problems',
    PROBLEMS_INTRODUCTION,
    ...ERROR_CODES.flatMap((code) => [
      `## ${code}`,
      `**${ERROR_STATUS[code]} ${PROBLEMS[code].title}.** ${PROBLEMS[code].advice}`,
    ]),
  ].join('\n\n') + '\n';

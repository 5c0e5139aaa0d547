import { ERROR_STATUS, type ErrorCode } from '../domain/errors.ts';

/** What each code means and what a caller can do: the page that every problem's `type` leads to. */
export const PROBLEMS: Readonly<Record<ErrorCode, { readonly title: string; readonly advice: string }>> = {
  malformed_json: {
    title: 'The body is not JSON',
    advice: 'Nothing was stored. Send one JSON object, as UTF-8.',
  },
  invalid_request: {
    title: 'The request says something that cannot be',
    advice:
      'Nothing was stored. `errors` names each fault by a JSON pointer into the body (or the name of a query parameter), at most 100 of them. Members that are not in the document are refused, so that a misspelt one is not silently ignored.',
  },
  unauthorized: {
    title: 'A valid bearer token is needed',
    advice: 'Send `Authorization: Bearer <token>` with the token of this deployment (`LETHE_TOKEN`).',
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
    advice: 'There is no standing refusal for it in this project, or it has been lifted before.',
  },
  no_receipt_yet: {
    title: 'There is no receipt yet',
    advice:
      'Nothing of the request has been claimed so far. From the first claim on, the receipt is an interim one; it is final when the request has ended.',
  },
  body_too_large: {
    title: 'The body is too large',
    advice: '`limit` is the number of bytes that are taken. Divide the list.',
  },
  too_many_subjects: {
    title: 'Too many subjects for one request',
    advice: '`limit` is the number that the project allows (`policy.subjectsPerRequest`). Divide the list.',
  },
  unsupported_media_type: {
    title: 'The body must be application/json',
    advice: 'Send `Content-Type: application/json`.',
  },
  subject_conflict: {
    title: 'Another open deletion owns a subject',
    advice:
      'Nothing was stored, because `onConflict` was `reject`. `positions` names the submitted identities concerned (at most 100). With `attach` the request shares the outcome of the other.',
  },
  too_late: {
    title: 'It is too late for that',
    advice:
      'What was named is claimed, deleted, cancelled or ended. The claim is the point of no return: deletion has begun.',
  },
  not_in_attention: {
    title: 'No processor waits for an operator here',
    advice: 'Only a processor that is listed under `attention` of the request can be retried or skipped.',
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

export const problemType = (code: ErrorCode): string => `/docs/problems#${code}`;

/** docs/problems.md, and what /docs/problems answers. */
export const problemsPage = (): string =>
  [
    '# Problems',
    'Every error is an RFC 9457 problem (`application/problem+json`): `type` leads here, `code` is one of this closed list, `status` and `title` go with it, `detail` says what happened this time, and `instance` is the id of the request in the log. No problem ever contains an identity.',
    ...(Object.keys(PROBLEMS) as ErrorCode[]).flatMap((code) => [
      `## ${code}`,
      `**${ERROR_STATUS[code]} ${PROBLEMS[code].title}.** ${PROBLEMS[code].advice}`,
    ]),
  ].join('\n\n') + '\n';

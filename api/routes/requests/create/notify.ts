import type { SubmittedIdentity } from '../../../../db/requests/create.ts';
import { type ValidationError, invalidRequest } from '../../../http/validation-errors.ts';

/**
 * Whoever asks for somebody's data does not get it by asking for it as somebody: mail goes to a colleague. What else
 * the subjects are called is known once they are resolved, and is looked at then.
 */
export function requireNoSubject(
  notify: string | null,
  identities: readonly SubmittedIdentity[],
  place: ValidationError['in'] = 'body',
): void {
  const address = notify?.toLowerCase();
  if (address === undefined || !identities.some(({ value }) => value?.some((part) => part.toLowerCase() === address)))
    return;
  throw invalidRequest([
    { in: place, pointer: '/notify', code: 'notify_is_subject', detail: 'is what one of the subjects is called' },
  ]);
}

import type { RequestKind, Status } from '../domain/vocabulary.ts';

/** A change of status that a colleague is notified of. It holds nothing of the subjects. */
export interface Notification {
  readonly requestId: string;
  readonly kind: RequestKind;
  readonly status: Status;
  readonly project: string;
  readonly at: Date;
  /** Only for an export that is ready. */
  readonly link?: { readonly url: string; readonly expiresAt: Date };
}

/** Lines of at most 76 characters of ASCII: so a mail is sent as it is, and a link stays in one piece. */
export function renderMail(notification: Notification): { readonly subject: string; readonly text: string } {
  const { kind, project, requestId, at } = notification;
  const { title, lines } = wordsOf(notification);
  const about = [`Request: ${requestId}`, `Project: ${project}`, `Since:   ${readable(at)}`];
  const why = 'You are told because this address was given as the one to notify.';
  return {
    subject: `Lethe: ${kind} ${title}`,
    text: [...lines, '', ...about, '', why, ''].join('\n'),
  };
}

interface Words {
  readonly title: string;
  readonly lines: readonly string[];
}

function wordsOf(notification: Notification): Words {
  const { kind, status, link } = notification;
  switch (status) {
    case 'ready':
      return {
        title: 'ready',
        lines:
          link === undefined ? ['The archive is ready. A member makes a link to it by the API.'] : readyLines(link),
      };
    case 'awaiting_confirmation':
      return {
        title: 'awaits a confirmation',
        lines: [
          'It is counted who would be deleted. Nobody is touched before somebody',
          'confirms that number. Read the request, then confirm it or cancel it:',
          'without a confirmation in three days it ends, and nothing was done.',
        ],
      };
    case 'completed':
      return {
        title: 'completed',
        lines: [
          'The data was deleted, and looked for again. The receipt says what was',
          'removed, what is retained and why, and what nobody could look at.',
        ],
      };
    case 'partially_completed':
      return {
        title: 'partially completed',
        lines: [
          'It has ended, but a system was skipped on the way: what that one',
          'holds may still be there. The receipt names it, and the reason.',
        ],
      };
    case 'not_found':
      return {
        title: 'found nobody',
        lines: ['No system holds anything under what was submitted.'],
      };
    case 'cancelled':
      return {
        title: 'cancelled',
        lines: [
          kind === 'deletion'
            ? 'Nobody was deleted by it. What it had hidden is shown again.'
            : 'There is no archive, and there will be none.',
        ],
      };
    case 'failed':
      return {
        title: 'failed',
        lines: ['It could not be done as it was asked for. Read the request for the', 'reason, and submit it anew.'],
      };
    default:
      return { title: status.replaceAll('_', ' '), lines: [`Its status is ${status} now.`] };
  }
}

const readyLines = ({ url, expiresAt }: NonNullable<Notification['link']>): readonly string[] => [
  'The archive is ready. This link works once:',
  '',
  url,
  '',
  `It works until ${readable(expiresAt)}. If it was used or lost,`,
  'a member makes another one by the API.',
  '',
  'The archive holds personal data. Pass it on only to the person it is',
  'about, or to whoever may see it, and only by a way that is safe: not as',
  'the attachment of a mail.',
];

const readable = (timestamp: Date): string => `${timestamp.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

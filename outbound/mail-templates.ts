import type { RequestKind, Status } from '../domain/vocabulary.ts';

/** A status change for a notification mail. Contains no data of the subjects. */
export interface Notification {
  readonly requestId: string;
  readonly kind: RequestKind;
  readonly status: Status;
  readonly project: string;
  readonly at: Date;
  /** Present only for exports with status `ready`. */
  readonly link?: { readonly url: string; readonly expiresAt: Date };
}

/** Renders ASCII lines of at most 76 characters, which need no transfer encoding that would break the link. */
export function renderMail(notification: Notification): { readonly subject: string; readonly text: string } {
  const { kind, project, requestId, at } = notification;
  const { title, lines } = contentOf(notification);
  const details = [`Request: ${requestId}`, `Project: ${project}`, `Date:    ${formatTimestamp(at)}`];
  const reason = 'You receive this mail because the request names you for notifications.';
  return {
    subject: `Lethe: ${kind} ${title}`,
    text: [...lines, '', ...details, '', reason, ''].join('\n'),
  };
}

interface MailContent {
  readonly title: string;
  readonly lines: readonly string[];
}

function contentOf(notification: Notification): MailContent {
  const { kind, status, link } = notification;
  switch (status) {
    case 'ready':
      return {
        title: 'ready',
        lines:
          link === undefined
            ? ['The archive is ready. A project member can create a download link', 'through the API.']
            : readyLines(link),
      };
    case 'awaiting_confirmation':
      return {
        title: 'awaiting confirmation',
        lines: [
          'The subjects have been counted. Nothing is deleted or hidden until a',
          'project member confirms the count. Review the request, then confirm or',
          'cancel it. If it is not confirmed within three days, it is cancelled',
          'and no data is changed.',
        ],
      };
    case 'completed':
      return {
        title: 'completed',
        lines: [
          'The data was deleted, and the deletion was verified. The receipt lists',
          'what was removed, what is retained and why, which of the kept rows are',
          'anonymised, how many rows of others are detached, and which systems',
          'could not be verified.',
        ],
      };
    case 'partially_completed':
      return {
        title: 'partially completed',
        lines: [
          'The request has ended, but an operator skipped at least one system. Data',
          'in a skipped system may remain. The receipt names each skipped system',
          'and the reason.',
        ],
      };
    case 'not_found':
      return {
        title: 'found no data',
        lines: ['No system contains data for the submitted identities.'],
      };
    case 'cancelled':
      return {
        title: 'cancelled',
        lines: [
          kind === 'deletion' ? 'Nothing was deleted. Hidden subjects have been restored.' : 'No archive was created.',
        ],
      };
    case 'failed':
      return {
        title: 'failed',
        lines: ['The request could not be completed. See the request for the reason, then', 'submit a new one.'],
      };
    default:
      return { title: status.replaceAll('_', ' '), lines: [`The request now has the status ${status}.`] };
  }
}

const readyLines = ({ url, expiresAt }: NonNullable<Notification['link']>): readonly string[] => [
  'The archive is ready. You can use this download link once:',
  '',
  url,
  '',
  `The link expires on ${formatTimestamp(expiresAt)}. If you need another link,`,
  'a project member can create one through the API.',
  '',
  'The archive contains personal data. Share it only with the data subject or',
  'with people who are authorized to see it, and only through a secure',
  'channel. Do not send it as a mail attachment.',
];

export const formatTimestamp = (timestamp: Date): string =>
  `${timestamp.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

import { formatTimestamp } from './mail-templates.ts';

/** A task for a mail to those who do it. Contains no data of the subjects. */
export interface TaskMail {
  readonly id: string;
  readonly requestId: string;
  readonly project: string;
  readonly system: string;
  readonly subjects: number;
  readonly instruction: string;
  readonly dueAt: Date;
  /** Whether its time is over. */
  readonly isLate: boolean;
  readonly publicUrl: URL;
}

const WIDTH = 72;

/** Renders lines of at most 76 characters. The text of the configuration is wrapped at blanks. */
export function renderTaskMail(task: TaskMail): { readonly subject: string; readonly text: string } {
  const { id, requestId, project, system, subjects, dueAt, isLate, publicUrl } = task;
  const count = subjects === 1 ? '1 subject' : `${subjects} subjects`;
  const lines = [
    isLate ? 'A task is late. Its deletion waits for it.' : 'A deletion needs a person, because the system has no API.',
    '',
    ...wrap(task.instruction),
    '',
    `Task:    ${id}`,
    `System:  ${system}`,
    `For:     ${count}`,
    `Due:     ${formatTimestamp(dueAt)}`,
    `Request: ${requestId}`,
    `Project: ${project}`,
    '',
    'A project member can see the subjects, and reports the result, through the',
    `API at ${publicUrl.origin}:`,
    '',
    `POST /v1/tasks/${id}/reveal`,
    `POST /v1/tasks/${id}/done`,
    `POST /v1/tasks/${id}/not-possible`,
    '',
    'You receive this mail because lethe.config.ts names this address for the',
    'system.',
    '',
  ];
  return { subject: `Lethe: task in ${system} ${isLate ? 'is late' : 'opened'}`, text: lines.join('\n') };
}

/** Keeps the line breaks of the text. A word that is longer than a line stays whole. */
function wrap(text: string): readonly string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > WIDTH) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}

import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';
import { PROBLEMS, PROBLEMS_INTRODUCTION } from '../http/problems.ts';

/** What a problem's `type` leads to: each code is an anchor. */
export const problemsHtml = (): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Lethe: problems</title>
    <link rel="icon" href="/docs/favicon.png">
    <link rel="stylesheet" href="/docs/problems.css">
  </head>
  <body>
    <h1>Problems</h1>
    <p>${html(PROBLEMS_INTRODUCTION)}</p>
${ERROR_CODES.map(section).join('\n')}
  </body>
</html>
`;

const section = (code: ErrorCode): string => {
  const { title, advice } = PROBLEMS[code];
  return `    <h2 id="${code}">${code}</h2>
    <p><strong>${ERROR_STATUS[code]} ${html(title)}.</strong> ${html(advice)}</p>`;
};

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Of markdown these texts use only code spans. */
const html = (text: string): string =>
  text.replaceAll(/[&<>]/g, (char) => ENTITIES[char] ?? char).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

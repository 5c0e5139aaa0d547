import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isHandwritten } from './handwritten.ts';

const TEXTS = /\.(ts|tsx|js|css|html|sql|md|yml|example)$/;

/** Words and phrases with their replacements. */
const BANNED: readonly { readonly phrase: RegExp; readonly instead: string }[] = [
  { phrase: /\bwho(?:so)?ever\b/i, instead: 'name the actor: caller, operator, member' },
  { phrase: /\bwhatever\b/i, instead: 'name the thing' },
  { phrase: /\bwhom(?:ever)?\b/i, instead: 'name the subject or the receiver' },
  { phrase: /\b(?:nobody|no one|somebody)\b/i, instead: 'name the subject, caller or operator' },
  { phrase: /\btold\b/i, instead: 'notified, reported, listed, recorded' },
  { phrase: /\bto be had\b/i, instead: 'available' },
  { phrase: /\b(?:goes|go|went|going) on\b/i, instead: 'continues' },
  { phrase: /\b(?:has|have|had) gone\b/i, instead: 'is deleted, is missing, has ended' },
  { phrase: /\blook(?:s|ed)? (?:for )?again\b/i, instead: 'verifies' },
  { phrase: /\blets? go\b/i, instead: 'releases' },
  { phrase: /\b(?:gave|given|gives|giving) up\b/i, instead: 'abandoned' },
  { phrase: /\bas once\b/i, instead: 'idempotent' },
  { phrase: /\bhand(?:s|ed|ing)? (?:it |them )?out\b/i, instead: 'exports, issues' },
  { phrase: /\bcall(?:s|ed|ing)? off\b/i, instead: 'cancels' },
  { phrase: /\b(?:take|takes|taken|took) back\b/i, instead: 'cancels' },
  { phrase: /\banew\b/i, instead: 'again' },
  { phrase: /\bamid\b/i, instead: 'during' },
  { phrase: /\bthereof\b|\bwhence\b/i, instead: 'of it, from where' },
  { phrase: /\b(?:is|it is|are) none\b/i, instead: 'does not exist, is not a …' },
  { phrase: /\bspared?\b/i, instead: 'excluded' },
  { phrase: /\b(?:audit )?trail\b/i, instead: 'audit log' },
  { phrase: /\binstants?\b/i, instead: 'timestamp' },
  { phrase: /\bstanding refusals?\b/i, instead: 'suppression' },
  { phrase: /\bmistakes?\b/i, instead: 'config error, validation error' },
  { phrase: /\bprocessors?\b/i, instead: 'system' },
];

/** Lines that may contain a banned word, identified by the file and a part of the line. */
const EXCEPTIONS: readonly { readonly path: string; readonly text: string; readonly reason: string }[] = [
  { path: 'dev/check-words.ts', text: '', reason: 'lists the words' },
  { path: 'CHANGELOG.md', text: 'what earlier commits called', reason: 'explains the rename' },
  { path: 'docs/glossary.md', text: 'GDPR Art. 4(8)', reason: 'explains why the word is not used' },
  { path: 'dev/embedded/postgres/unprivileged.ts', text: "'nobody'", reason: 'the name of a Unix user' },
  { path: 'test/dev/root.test.ts', text: "'nobody'", reason: 'the name of a Unix user' },
];

interface Finding {
  readonly place: string;
  readonly word: string;
  readonly instead: string;
}

/** `node dev/check-words.ts [ROOT]`: lists every line of source, tests and docs that uses a banned word. */
const root = process.argv[2] ?? join(import.meta.dirname, '..');
const findings = textsOf('').flatMap(checkFile);
for (const { place, word, instead } of findings) console.error(`${place}: "${word}"; instead: ${instead}`);
if (findings.length === 0) console.log('no banned word in source, tests or docs');
else process.exitCode = 1;

function textsOf(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return isHandwritten(entry.name) ? textsOf(path) : [];
    return TEXTS.test(entry.name) ? [path] : [];
  });
}

function checkFile(path: string): Finding[] {
  const exceptions = EXCEPTIONS.filter((exception) => exception.path === path);
  return readFileSync(join(root, path), 'utf8')
    .split('\n')
    .flatMap((line, index) =>
      exceptions.some(({ text }) => line.includes(text))
        ? []
        : BANNED.flatMap(({ phrase, instead }) => {
            const [word] = phrase.exec(line) ?? [];
            return word === undefined ? [] : [{ place: `${path}:${index + 1}`, word, instead }];
          }),
    );
}

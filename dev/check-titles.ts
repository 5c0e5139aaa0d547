import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const CALL = /(?<![\w.$])(?:test|it)(?:\.(\w+))?\s*(?=[(`])/g;
/** Modifiers that take an argument of their own before the title. */
const WITH_ARGUMENT = ['each', 'for', 'skipIf', 'runIf'];
/** A verb in the third person, optionally after one adverb. */
const BEHAVIOR = /^(?:(?:also|only|still|never|always|first|again) )?(?:%s |\$\w+ )?(?:does|is|has|\w*[a-z]s)\b/;

/** `node dev/check-titles.ts [ROOT]`: lists every test whose title does not say `does X when Y`. */
const root = process.argv[2] ?? join(import.meta.dirname, '..');
const files = globSync('test/**/*.test.ts', { cwd: root }).toSorted();
const findings = files.flatMap((file) => titlesOf(readFileSync(join(root, file), 'utf8')).flatMap(check(file)));
for (const finding of findings) console.error(finding);
if (findings.length === 0) console.log('every test title states a behavior');
else process.exitCode = 1;

function check(file: string): (title: string) => string[] {
  return (title) => {
    if (!BEHAVIOR.test(title))
      return [`${file}: "${title}" does not start with a verb such as "returns" or "does not"`];
    return title.includes(': ') ? [`${file}: "${title}" has a colon; write one sentence`] : [];
  };
}

function titlesOf(text: string): string[] {
  return [...text.matchAll(CALL)].flatMap((call) => {
    const start = call.index + call[0].length;
    const open = WITH_ARGUMENT.includes(call[1] ?? '') ? afterArgument(text, start) : start;
    const literal = /^\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/s.exec(text.slice(open));
    return literal?.[2] === undefined ? [] : [literal[2].replaceAll(/\\(.)/g, '$1')];
  });
}

/** The index after the argument that starts at `start`: a bracketed one or a template. Strings may contain brackets. */
function afterArgument(text: string, start: number): number {
  const tokens =
    /(['"`])(?:\\.|(?!\1)[^\\])*\1|\/\/.*|\/(?![/*\s])(?:\\.|\[[^\]]*\]|[^/\\\n])+\/[a-z]*(?=[,.)\]])|[()]/gs;
  tokens.lastIndex = start;
  let depth = 0;
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if (token[0] === '(') depth += 1;
    else if (token[0] === ')') depth -= 1;
    if (depth === 0) return tokens.lastIndex;
  }
  return text.length;
}

/** Source text that is printed as it is, such as `env('NAME')`. */
export class Source {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A call with one object as its argument, such as `postgres({ … })`. */
export class Call {
  readonly name: string;
  readonly argument: Printable;
  constructor(name: string, argument: Printable) {
    this.name = name;
    this.argument = argument;
  }
}

export type Printable =
  | null
  | string
  | number
  | boolean
  | Source
  | Call
  | readonly Printable[]
  | { readonly [key: string]: Printable | undefined };

/** Comments by the path of the key that they explain. */
export type Comments = ReadonlyMap<string, readonly string[]>;

const WIDTH = 120;
/** A longer comment stands above its key. */
const MAX_BEHIND = 80;

/** Prints a value as the formatter of this repository would: 120 columns, single quotes, trailing commas. */
export function printValue(value: Printable, comments: Comments, path = '', depth = 0, before = ''): string {
  const inline = printInline(value, comments, path);
  const indent = '  '.repeat(depth);
  // One character for the comma behind it.
  if (inline !== null && indent.length + before.length + inline.length < WIDTH) return inline;
  if (value instanceof Call) return `${value.name}(${printValue(value.argument, comments, path, depth, before)})`;
  if (isList(value))
    return block(
      '[',
      ']',
      depth,
      value.flatMap((item, index) => printItem(item, comments, join(path, String(index)), depth + 1, '')),
    );
  if (typeof value === 'object' && value !== null && !(value instanceof Source))
    return block(
      '{',
      '}',
      depth,
      entriesOf(value).flatMap(([key, item]) =>
        printItem(item, comments, join(path, key), depth + 1, `${printKey(key)}: `),
      ),
    );
  return inline ?? '';
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const isList = (value: Printable): value is readonly Printable[] => Array.isArray(value);

const block = (open: string, close: string, depth: number, lines: readonly string[]): string =>
  [open, ...lines, `${'  '.repeat(depth)}${close}`].join('\n');

/** One item of a block, with its comments above it, or behind it if both fit on a line. */
function printItem(value: Printable, comments: Comments, path: string, depth: number, key: string): string[] {
  const indent = '  '.repeat(depth);
  const printed = printValue(value, comments, path, depth, key);
  const notes = comments.get(path) ?? [];
  const [only] = notes;
  const isShort = notes.length === 1 && only !== undefined && only.length <= MAX_BEHIND && !only.startsWith('DECIDE');
  if (isShort && key !== '' && !printed.includes('\n')) return [`${indent}${key}${printed}, // ${only}`];
  return [...notes.flatMap((note) => wrapComment(note, indent)), `${indent}${key}${printed},`];
}

export function wrapComment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = `${indent}//`;
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length + 1 > WIDTH && line !== `${indent}//`) {
      lines.push(line);
      line = `${indent}//`;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** Null when the value has a comment inside, or is a list of several objects. */
function printInline(value: Printable, comments: Comments, path: string): string | null {
  if (value instanceof Source) return value.text;
  if (value instanceof Call) {
    const argument = printInline(value.argument, comments, path);
    return argument === null ? null : `${value.name}(${argument})`;
  }
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = isList(value)
    ? value.map((item, index): [string, Printable] => [String(index), item])
    : entriesOf(value);
  if (isList(value) && value.length > 1 && value.every((item) => isObject(item) && Object.keys(item).length > 1))
    return null;
  const items: string[] = [];
  for (const [key, item] of entries) {
    const inline = comments.has(join(path, key)) ? null : printInline(item, comments, join(path, key));
    if (inline === null) return null;
    items.push(isList(value) ? inline : `${printKey(key)}: ${inline}`);
  }
  if (isList(value)) return `[${items.join(', ')}]`;
  return items.length === 0 ? '{}' : `{ ${items.join(', ')} }`;
}

const isObject = (value: Printable): value is { readonly [key: string]: Printable | undefined } =>
  typeof value === 'object' &&
  value !== null &&
  !isList(value) &&
  !(value instanceof Source) &&
  !(value instanceof Call);

function entriesOf(value: Printable): [string, Printable][] {
  return isObject(value)
    ? Object.entries(value).flatMap(([key, item]): [string, Printable][] => (item === undefined ? [] : [[key, item]]))
    : [];
}

const printKey = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key));

/** Single quotes, unless double quotes need fewer escapes. */
function quote(text: string): string {
  const count = (character: string): number => text.split(character).length - 1;
  const mark = count(`'`) > count('"') ? '"' : `'`;
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll(mark, `\\${mark}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
  return `${mark}${escaped}${mark}`;
}

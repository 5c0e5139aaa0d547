/** COPY's text format: backslash, tab, newline and return are all that it gives a meaning to. */
const escape = (text: string): string =>
  text.replace(/[\\\t\n\r\b\f\v]/g, (character) => ESCAPES[character] ?? character);

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};

/** An array literal in which every element is quoted, so that no value can be read as NULL, a comma or a brace. */
const arrayLiteral = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replace(/["\\]/g, (character) => `\\${character}`)}"`).join(',')}}`;

export const copyLine = (fields: readonly (string | number | readonly string[])[]): string =>
  `${fields.map((field) => escape(typeof field === 'object' ? arrayLiteral(field) : String(field))).join('\t')}\n`;

/** One `text[]` as text, so that an array of arrays of different lengths can be one parameter: `{"ann@x.test","berlin"}`. */
export const arrayLiteral = (parts: readonly string[]): string =>
  `{${parts.map((part) => `"${part.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`).join(',')}}`;

const BLANK =
  '\\u0001-\\u0020\\u007F-\\u00A0\\u00AD\\u034F\\u061C\\u115F\\u1160\\u1680\\u180E\\u2000-\\u200F\\u2028-\\u202F\\u205F-\\u206F\\u2800\\u3000\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0\\uFFF9-\\uFFFB';
/** = + - @ | and their full-width and small forms. */
const SIGNS = '=+@|\\uFF1D\\uFF0B\\uFF0D\\uFF20\\uFF5C\\uFE62\\uFE63\\uFE66\\uFE6B\\u2212-';

/**
 * Matches text that a spreadsheet could run as a formula: a sign behind any blanks and invisible characters, or a tab or a
 * line break at the beginning. A regular expression of both JavaScript and PostgreSQL. Apostrophes before it are part of
 * the match, so that removing one apostrophe from an escaped text always restores the original.
 */
export const FORMULA = `^'*([\\u0009\\u000A\\u000D]|[${BLANK}]*[${SIGNS}])`;
const PATTERN = new RegExp(FORMULA);

/** Writes an apostrophe before text that a spreadsheet could run as a formula. */
export const escapeFormula = (text: string): string => (PATTERN.test(text) ? `'${text}` : text);

/** Trusted HTML from a `markup` template. Every other value in a template is escaped. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Piece = Markup | string | number | readonly Markup[];

/** Not named `html`, because formatters add spaces to `html` templates, and spaces in a cell would show as data. */
export const markup = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup =>
  new Markup(strings.map((before, index) => before + render(pieces[index] ?? '')).join(''));

function render(piece: Piece): string {
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'object') return piece.map(({ text }) => text).join('');
  return String(piece).replaceAll(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

export const EMPTY = markup``;

/** Markup that was made here; everything else that is put into a template is text. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Piece = Markup | string | number | readonly Markup[];

/** Not called `html`: formatters put spaces into templates of that name, and in a cell a space is data. */
export const markup = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup =>
  new Markup(strings.map((before, index) => before + written(pieces[index] ?? '')).join(''));

function written(piece: Piece): string {
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'object') return piece.map(({ text }) => text).join('');
  return String(piece).replaceAll(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

export const NOTHING = markup``;

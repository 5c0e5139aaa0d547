/** Markup that was made here; everything else that is put into a template is text. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

type Piece = Html | string | number | readonly Html[];

export const html = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html =>
  new Html(strings.map((before, index) => before + markupOf(pieces[index] ?? '')).join(''));

function markupOf(piece: Piece): string {
  if (piece instanceof Html) return piece.markup;
  if (typeof piece === 'object') return piece.map(({ markup }) => markup).join('');
  return String(piece).replaceAll(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

export const NOTHING = html``;

const HIDDEN = '••';
const LETTERS = new Intl.Segmenter('en');

/** Shows the first letter, and for an address also that of its domain: `a••@x••`. A single letter is hidden too. */
export const mask = (value: string): string => value.split('@').map(maskPart).join('@');

function maskPart(part: string): string {
  const [first, ...others] = Array.from(LETTERS.segment(part), ({ segment }) => segment);
  return first === undefined || others.length === 0 ? HIDDEN : `${first}${HIDDEN}`;
}

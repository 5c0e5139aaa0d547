export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const TOKEN = /<\?xml [^?]*\?>\s*|<\/([\w]+)>|<([\w]+)((?:\s+[\w]+="[^"<]*")*)\s*(\/?)>|([^<]+)/uy;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** Parses a document of elements, attributes and text. Throws when it is not well-formed. */
export function parseXml(document: string): Element {
  if (FORBIDDEN.test(document)) throw new Error('a character that XML does not allow');
  const top: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < document.length) {
    const start = TOKEN.lastIndex;
    const token = TOKEN.exec(document);
    if (token === null) throw new Error(`not well-formed at ${document.slice(start, start + 60)}`);
    const [, closed, opened, attributes = '', empty, text] = token;
    const parent = open.at(-1) ?? top;
    if (closed !== undefined && open.pop()?.name !== closed) throw new Error(`</${closed}> closes another element`);
    if (text !== undefined) parent.text += unescapeXml(text);
    if (opened === undefined) continue;
    const pairs = [...attributes.matchAll(/([\w]+)="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, unescapeXml(value)] as const,
    );
    const element = { name: opened, attributes: Object.fromEntries(pairs), children: [], text: '' };
    if (pairs.length !== Object.keys(element.attributes).length) throw new Error('an attribute is repeated');
    parent.children.push(element);
    if (empty !== '/') open.push(element);
  }
  const [root, ...others] = top.children;
  if (root === undefined || others.length > 0 || open.length !== 1)
    throw new Error('needs exactly one closed root element');
  return root;
}

function unescapeXml(text: string): string {
  if (/&(?!#?\w+;)/.test(text)) throw new Error('an ampersand is not escaped');
  return text.replaceAll(/&(#?)(\w+);/g, (_, number: string, name: string) => {
    const character = number === '#' ? String.fromCodePoint(Number(name)) : ENTITIES[name];
    if (character === undefined) throw new Error(`unknown entity ${name}`);
    return character;
  });
}

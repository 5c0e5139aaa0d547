/** Compares two versions by the precedence of Semantic Versioning. Negative if `one` is lower. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [parse(one), parse(other)];
  for (let index = 0; index < 3; index++) {
    const difference = (a.numbers[index] ?? 0) - (b.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  // A version without a pre-release is higher than one with it.
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  return comparePreReleases(a.pre, b.pre);
}

function parse(version: string): { readonly numbers: readonly number[]; readonly pre: readonly string[] } {
  const [release = '', ...pre] = version.replace(/^v|\+.*$/g, '').split('-');
  const label = pre.join('-');
  return { numbers: release.split('.').map(Number), pre: label === '' ? [] : label.split('.') };
}

function comparePreReleases(one: readonly string[], other: readonly string[]): number {
  for (const [index, part] of one.entries()) {
    const against = other[index];
    if (against === undefined) return 1;
    if (part === against) continue;
    const areNumbers = [part, against].map((text) => /^\d+$/.test(text));
    if (areNumbers[0] === true && areNumbers[1] === true) return Number(part) - Number(against);
    // A number is lower than a word.
    if (areNumbers[0] !== areNumbers[1]) return areNumbers[0] === true ? -1 : 1;
    return part < against ? -1 : 1;
  }
  return one.length - other.length;
}

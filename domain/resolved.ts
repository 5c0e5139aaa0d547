import type { Identity } from './identity.ts';

/**
 * One fact about one subject, `key` being its identity of the kind's key type. `match`: the submitted identity at `position`
 * is (one of) this subject's; null of a segment, or of everyone. `identity`: besides its key the subject is called
 * this, as are `sharers` others; where they outnumber the subjects that were asked about, how many more is not looked for.
 */
export type Resolved =
  | { readonly fact: 'match'; readonly position: number | null; readonly key: Identity }
  | {
      readonly fact: 'identity';
      readonly key: Identity;
      readonly identity: Identity;
      readonly origin: 'identity' | 'alias';
      readonly sharers: number;
    };

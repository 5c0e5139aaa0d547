import type { Identity } from './identity.ts';

/**
 * One fact about one subject, `key` being the subject's identity of the kind's key type.
 * `match`: the submitted identity at `position` is (one of) this subject's; of a segment, or of everyone, `position` is null.
 * `identity`: the subject is also called this. `sharers`: how many other subjects are called
 * the same; where they are more than the subjects that were asked about, how many more is not looked for.
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

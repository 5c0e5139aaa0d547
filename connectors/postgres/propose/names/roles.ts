import { singularForms } from '../../../data-map/coverage/key-names.ts';
import { wordsOf } from '../../../data-map/coverage/personal-columns.ts';
import { tableName } from '../../../data-map/names.ts';

/**
 * What a column that refers to the subject says about its row: `owner`, it is the subject's; `party`, it is the
 * subject's unless the row has an owner; `actor`, it is another person's, and the subject only acted on it; `unknown`.
 */
export type Role = 'owner' | 'party' | 'actor' | 'unknown';

const OWNER =
  /^(user|usr|customer|cust|client|account|acct|member|mbr|person|people|party|owner|own|author|writer|poster|sender|send|from|payer|buyer|purchaser|shopper|patient|student|pupil|learner|subscriber|profile|player|contact|borrower|renter|guest|visitor|applicant|candidate|participant|attendee|follower|followed|followee|following|friend|blocker|blocked|voter|liker|commenter|holder|card_?holder|passenger|rider|donor|consumer|viewer|reader|requester|requestor|reporter|claimant|resident|travell?er|winner|responder|respondent|(user|player|member|person)_?[12ab]|kunde|kd|benutzer|mitglied|bill_to|billed_to|sold_to|ship_to|bill|debtor)$/;
const PARTY =
  /^(recipient|receiver|recv|rcpt|to|target|addressee|actor|performer|creator|create|created|created_by|creating|author_of|uploader|upload|uploaded|uploaded_by|added_by|add|adder|submitter|submitted_by|posted_by|written_by|authored_by|sent_by|requested_by|ordered_by|placed_by|registered_by|reported_by|opened_by|started_by|inserted_by|entered_by|made_by|played_by|owned_by|bought_by|purchased_by|paid_by|booked_by|signed_up_by|host|seller|merchant|driver|doctor|physician|teacher|instructor|trainer|subject|object|invitee|invited|mentioned|mention|founder|organi[sz]er|starter|initiator|performed_by|crt|crtd|crt_by|ins_by|erf|erfasst)$/;
const ACTOR =
  /(^|_)(approv\w*|assign\w*|manager|managed|mgr|supervis\w*|boss|lead|leader|head|chief|rep|repr|representative|sales|salesman|salesperson|slsm|support|agent|employee|emp|staff|admin|administrator|moderat\w*|mod|review\w*|edit|editor|edited|updat\w*|upd|modif\w*|chang\w*|chg|delet\w*|remov\w*|verif\w*|process\w*|handl\w*|clos\w*|resolv\w*|cancel\w*|grant\w*|authori[sz]\w*|sign(ed)?|lock\w*|bann\w*|suspend\w*|publish\w*|check\w*|confirm\w*|complet\w*|invit(er|ed_by|ing)|referr\w*|referred_by|parent|mentor|coach|operator|cashier|clerk|technician|responsible|last|whodunnit|impersonat\w*|proxy|delegat\w*|deputy|backup|secondary|accepted|archived|reports|reports_to|manages|consultant|advisor|adviser|caseworker|owner_of_record|spouse|partner|guardian)(_|$)/;

const REFERENCE_WORDS: readonly string[] = [
  'id',
  'uuid',
  'guid',
  'uid',
  'no',
  'nr',
  'num',
  'number',
  'key',
  'code',
  'fk',
  'ref',
  'pk',
  'ptr',
  'ids',
];

/** `user` and `auth_user` for `public.auth_users`. */
export function singularNames(table: string): readonly string[] {
  const words = wordsOf(tableName(table).name).replaceAll(/^_+|_+$/g, '');
  const plain = words.replace(/^(tbl|t|m|app)_/, '');
  return [...new Set([words, plain, plain.split('_').at(-1) ?? plain].flatMap(singularForms))];
}

/** The words of a column without those that only say that it refers to a row of the parent. */
export function rolePart(column: string, child: string, parent: string, key: readonly string[] = []): string {
  let words = wordsOf(column).replaceAll(/^_+|_+$/g, '');
  for (const name of key.map(wordsOf)) if (words === name || words.endsWith(`_${name}`)) words = cutEnd(words, name);
  const last = words.split('_').at(-1) ?? '';
  if (REFERENCE_WORDS.includes(last)) words = cutEnd(words, last);
  else if (/[a-z]{3}id$/.test(words)) words = words.slice(0, -2);
  for (const name of singularNames(parent))
    if (words === name || words.endsWith(`_${name}`)) words = cutEnd(words, name);
  for (const name of singularNames(child)) if (words.startsWith(`${name}_`)) words = words.slice(name.length + 1);
  return words;
}

const cutEnd = (words: string, end: string): string => words.slice(0, -end.length).replace(/_$/, '');

/** `key` are the columns of the subject's key. */
export function roleOf(column: string, child: string, parent: string, key: readonly string[] = []): Role {
  const role = rolePart(column, child, parent, key);
  if (role === '' || OWNER.test(role)) return 'owner';
  if (PARTY.test(role)) return 'party';
  return ACTOR.test(role) || role.endsWith('_by') ? 'actor' : 'unknown';
}

/** A reference to one of several rows, such as the last message of a conversation. */
const POINTER =
  /(^|_)(last|latest|first|newest|oldest|current|active|default|primary|main|best|accepted|pinned|featured|cover|parent|original|origin|replac\w*|prev|previous|next|root|reply|in_reply|quoted|quote|repost\w*|forward\w*|copied|source|merged|superseded|linked|related|duplicate|template|hero|thumbnail|preview|selected|preferred|favou?rite|top|successor|predecessor)(_|$)/;

export const isPointer = (column: string, child: string, parent: string): boolean =>
  POINTER.test(rolePart(column, child, parent));

const POLYMORPHIC_ACTOR = /^(causer|whodunnit|approver|reviewer|moderator)/;

/** Whether a polymorphic column names a person who acted on the row. */
export const isPolymorphicActor = (column: string): boolean => POLYMORPHIC_ACTOR.test(wordsOf(column));

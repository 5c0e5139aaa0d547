import { isCredential } from '../../../data-map/checks/credentials.ts';
import { isEmailColumn, personalCategory, wordsOf } from '../../../data-map/coverage/personal-columns.ts';
import type { Column, Table } from '../catalog/snapshot.ts';

const SOURCES =
  /(^|_)(ip|ip_?addr(ess)?|ip_?v[46]|remote_?(ip|addr(ess)?)|client_?ip|user_?agent|ua|utm_\w+|referr?er(_?url)?|referr?al_?(source|code)|sdk|browser|device_?(type|model|os)|os_?(name|version)|landing_?page|signup_?source|acquisition_?channel)$/;

/** Columns that say how data was collected, and that can be cleared. */
export const isSource = ({ name, family, isNotNull, isGenerated, isPartitionKey }: Column): boolean =>
  SOURCES.test(wordsOf(name)) &&
  ['text', 'address', 'json', 'other', 'integer'].includes(family) &&
  !isNotNull &&
  !isGenerated &&
  !isPartitionKey;

const SOFT_DELETE_TIME =
  /^(deleted|removed|archived|hidden|deactivated|discarded|disabled|trashed|anonymi[sz]ed)_(at|on|date|time)$|^del_(dt|date|ts)$|^(deletion|delete|removal)_?(date|time|at)$/;
const SOFT_DELETE_FLAG = /^(is_?)?(deleted|removed|hidden|archived|deactivated|disabled|trashed)$/;

/** The column that hides a row in the application, if Lethe can set and clear it. The best name comes first. */
export function softDeleteColumn({ columns }: Table): Column | undefined {
  const fits = columns.filter(({ name, family, base, isNotNull, isGenerated, isArray }) => {
    if (isGenerated || isArray) return false;
    if (family === 'boolean') return SOFT_DELETE_FLAG.test(wordsOf(name));
    const isTime = ['timestamptz', 'timestamp', 'date'].includes(base);
    return isTime && !isNotNull && (SOFT_DELETE_TIME.test(wordsOf(name)) || SOFT_DELETE_FLAG.test(wordsOf(name)));
  });
  return fits.find(({ name }) => /delet/i.test(name)) ?? fits[0];
}

const CREATED =
  /^(created|inserted|occurred|happened|ordered|placed|posted|sent|joined|registered|recorded|issued|uploaded|submitted|logged|received|paid|started|requested|added|published|date_joined|joined|action|event|invoice|order|payment|rental|purchase|post|comment|signup|sign_up|entry|transaction|login|visit|message|upload|booking|insert|creation)_?(at|on|date|time|ts|timestamp|datetime|utc|date_gmt)?$|^(timestamp|date|time|ts|at|datetime|created|cre_?dt|crt_?dt|ins_?dt|date_created|date_joined|date_added|time_created|creation_?(date|time))$/;

/** When a row was created: the best name, or the only time that is no time of a change. */
export function timeColumn({ name: table, columns }: Table): Column | undefined {
  const times = columns.filter(({ base, isArray }) => !isArray && ['timestamptz', 'timestamp', 'date'].includes(base));
  const named = times.filter(({ name }) => CREATED.test(withoutTable(wordsOf(name), table)));
  const best = named.find(({ name }) => /creat|insert|occur/i.test(name)) ?? named[0];
  if (best !== undefined) return best;
  const others = times.filter(
    ({ name }) => !/updat|modif|delet|expir|chang|birth|dob|due|last|end|valid|until/i.test(name),
  );
  return others.length === 1 ? others[0] : undefined;
}

/** `wp_posts.post_date` → `date`, `comment_date` stays. */
function withoutTable(words: string, table: string): string {
  const last = wordsOf(table).split(/[._]/).at(-1)?.replace(/s$/, '') ?? '';
  return words.startsWith(`${last}_`) ? words.slice(last.length + 1) : words;
}

const INTERNAL =
  /(^|_)(fraud|risk|trust|spam)_?(score|level|rating|flag)s?$|(^|_)(internal|staff|admin|private)_?(notes?|comments?|remarks?)$/;

/** Columns that never leave: credentials, and judgments of the staff. */
export const credentialColumns = ({ columns }: Table): readonly string[] =>
  columns.filter((column) => isCredential(column.name, withArray(column))).map(({ name }) => name);

export const internalColumns = ({ columns }: Table): readonly string[] =>
  columns.filter(({ name }) => INTERNAL.test(wordsOf(name))).map(({ name }) => name);

const withArray = ({ base, isArray }: Column): { base: string } => ({ base: isArray ? `_${base}` : base });

/** Personal by name and type. */
export const isPersonal = ({ name, family }: Column): boolean =>
  isEmailColumn(name, family) || personalCategory(name, family) !== null || FREE_TEXT.test(wordsOf(name));

/** Free text and names of people, which count in a row that is known to belong to a person. */
const FREE_TEXT =
  /^(\w+_)?(nm|name\d)$|^(name|full_?name|bio|about|notes?|comments?|remarks?|message|body|description|recipient(_name)?|ship_?to|bill_?to|(ship|shipping|bill|billing|deliver|delivery)_?name|attn|contact)$/;

const PHONE = /(^|_)(tele)?(phone|mobile|cell|cellphone|msisdn|tel)(_?(number|num|nr|no))?$/;

export const isPhoneColumn = ({ name, family, isArray }: Column): boolean =>
  !isArray && family === 'text' && PHONE.test(wordsOf(name));

export const isEmailLike = ({ name, family, isArray }: Column): boolean =>
  !isArray &&
  family === 'text' &&
  isEmailColumn(name, family) &&
  !/unconfirmed|pending|new_|old_|backup|recovery/.test(wordsOf(name));

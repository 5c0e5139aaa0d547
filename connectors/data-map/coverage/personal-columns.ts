/** What a type can hold. `other` is for types such as enums, whose values are no personal data by themselves. */
export type TypeFamily =
  | 'text'
  | 'integer'
  | 'number'
  | 'uuid'
  | 'json'
  | 'bytes'
  | 'date'
  | 'time'
  | 'address'
  | 'boolean'
  | 'other';

interface PersonalColumns {
  /** Columns of one category count once when a table is judged by its columns. */
  readonly category: string;
  /** Matches a name in lower case with words separated by `_`. */
  readonly names: RegExp;
  readonly types: readonly TypeFamily[];
}

/** Columns that hold data of a person, by name and type. `city`, `country` and `name` alone say too little. */
const PERSONAL_COLUMNS: readonly PersonalColumns[] = [
  {
    category: 'name',
    names: /(^|_)(first|last|given|family|middle|maiden|full|nick|display|contact)_?names?$|(^|_)(surname|forename)$/,
    types: ['text', 'json'],
  },
  {
    category: 'phone',
    names:
      /(^|_)(phone|telephone|mobile|cell|cellphone|fax|msisdn|whatsapp)(_?(number|num|nr|no))?(_?\d)?$|(^|_)tel(_?\d)?$/,
    types: ['text', 'integer', 'json'],
  },
  {
    category: 'address',
    names:
      /(^|_)(street(_?(name|address|line))?|address(es)?(_?line)?|addr|post_?code|postal_?code|zip(_?code)?|house_?(number|no|nr))(_?\d)?$/,
    types: ['text', 'json'],
  },
  {
    category: 'birth',
    names: /(^|_)(birth_?(date|day|year|place)|date_?of_?birth|place_?of_?birth|year_?of_?birth|dob|born(_(on|at))?)$/,
    types: ['date', 'time', 'text', 'integer'],
  },
  {
    category: 'network address',
    names: /(^|_)(ip|ip_?v[46]|ip_?addr(ess)?|remote_?(addr(ess)?|ip)|client_?(addr(ess)?|ip)|mac_?addr(ess)?)$/,
    types: ['text', 'address', 'integer', 'bytes'],
  },
  {
    category: 'official number',
    names:
      /(^|_)(ssn|social_?security(_?(number|no))?|sin|nin|tax_?(id|number|no)|tin|national_?(id|number)|identity_?(card|number)|passport(_?(number|no))?|(driver|drivers|driving)_?(license|licence)(_?(number|no))?|health_?insurance(_?(number|no))?)$/,
    types: ['text', 'integer', 'bytes'],
  },
  {
    category: 'payment',
    names:
      /(^|_)(iban|credit_?card(_?(number|no))?|card_?(number|no|holder)|account_?holder|bank_?account(_?(number|no))?)$/,
    types: ['text', 'integer', 'bytes'],
  },
  {
    category: 'characteristic',
    names: /(^|_)(gender|ethnicity|religion|marital_?status|nationality|blood_?(type|group)|diagnosis|disability)$/,
    types: ['text', 'other', 'integer'],
  },
  {
    category: 'photo',
    names: /(^|_)(avatar|portrait|selfie|signature)(_?(url|image|data))?$/,
    types: ['text', 'bytes'],
  },
];

/** Email addresses. Columns about emails, such as a quota, a template or the time of a confirmation, hold none. */
const EMAIL = /(^|_|[a-z])(e_?mails?|mail_?addr(ess)?)(_|$)|(^|_)mail$/;
const ABOUT_EMAIL =
  /_(template|subject|body|type|status|provider|format|frequency|host|quota|count|enabled|verified|token|hash)$/;
const EMAIL_TYPES: readonly TypeFamily[] = ['text', 'bytes', 'json'];

/** `emailQuota` → `email_quota` */
export const wordsOf = (name: string): string =>
  name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll(/[-\s.]+/g, '_')
    .toLowerCase();

/** Names that differ only by case and underscores are equal: `userId`, `user_id`, `USERID`. */
export const normalName = (name: string): string => name.toLowerCase().replaceAll(/[_\-\s]/g, '');

export function isEmailColumn(name: string, type: TypeFamily): boolean {
  const words = wordsOf(name);
  return EMAIL_TYPES.includes(type) && EMAIL.test(words) && !ABOUT_EMAIL.test(words);
}

/** The category of a personal column. Null for other columns. */
export function personalCategory(name: string, type: TypeFamily): string | null {
  const words = wordsOf(name);
  const found = PERSONAL_COLUMNS.find(({ names, types }) => types.includes(type) && names.test(words));
  return found?.category ?? null;
}

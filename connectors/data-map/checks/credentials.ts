import type { ConfigError } from '../../connector.ts';
import type { Catalog, ColumnType } from '../catalog.ts';
import type { KindModel, Target } from '../model.ts';
import { qualifiedName } from '../names.ts';
import { wordsOf } from '../coverage/personal-columns.ts';

/** Names of columns with secrets. A hash counts only if its name says that it is one of a secret. */
const CREDENTIAL =
  /(^|_)(pass_?word|passwd|pwd|pass_?phrase|pass_?code|pass_?hash|secret|token|api_?key|access_?key|private_?key|secret_?key|signing_?key|encryption_?key|salt|otp|totp|hotp|mfa|two_?factor|recovery_?codes?|backup_?codes?|pin(_?code)?|cvv|cvc|credentials?|security_?answer|webauthn|passkey)s?(_|$|\d)|(^|_)(encrypted|hashed|digested?)_?(pass|password|pwd|pin|secret)|^hash$|_(pass|pwd|pw)$/;
/** Columns about a secret, such as the name of a token or when a password expires. */
const ABOUT_CREDENTIAL =
  /_(at|on|count|type|name|hint|expires|expiry|enabled|required|attempts|length|version|status|prefix|id)$/;
const TYPES = [
  'text',
  'varchar',
  'bpchar',
  'citext',
  'bytea',
  'json',
  'jsonb',
  'uuid',
  '_text',
  '_varchar',
  '_bytea',
  'char',
  'tinytext',
  'mediumtext',
  'longtext',
  'binary',
  'varbinary',
  'blob',
  'tinyblob',
  'mediumblob',
  'longblob',
];

/** Checks that no column that looks like a credential is exported unless a person has approved it. */
export function checkCredentials(models: readonly KindModel[], catalog: Catalog): readonly ConfigError[] {
  return models.flatMap((model) =>
    model.targets.flatMap((target) => {
      const columns = catalog.columns.get(qualifiedName(target.table)) ?? new Map<string, ColumnType>();
      return checkTarget(target, columns);
    }),
  );
}

function checkTarget(target: Target, columns: ReadonlyMap<string, ColumnType>): ConfigError[] {
  // Aliases have no list of columns to omit, because an export needs both of them.
  if (!target.isExported || target.role === 'aliases') return [];
  const decided = [...target.omit, ...target.approve];
  const found = [...columns]
    .filter(([name, type]) => isCredential(name, type) && !decided.includes(name))
    .map(([name]) => name);
  if (found.length === 0) return [];
  const list = found.map((name) => `'${name.replaceAll("'", "\\'")}'`).join(', ');
  const looks = found.length === 1 ? 'looks like a credential' : 'look like credentials';
  return [
    {
      path: `${target.path}.omit`,
      message: `${found.join(', ')} of ${qualifiedName(target.table)} ${looks} and would be exported; add omit: [${list}], or approve: [${list}] if the person may have them`,
    },
  ];
}

export function isCredential(name: string, type: Pick<ColumnType, 'base'>): boolean {
  const words = wordsOf(name);
  return TYPES.includes(type.base) && CREDENTIAL.test(words) && !ABOUT_CREDENTIAL.test(words);
}

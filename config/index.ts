/** What a configuration file imports as `lethe/config`, in this repository and in any other folder. */
export { defineDeployment, env } from './deployment.ts';
export type { Deployment, PolicySettings, ProjectSettings } from './settings.ts';
export { files } from '../connectors/files/index.ts';
export type { FilesSettings } from '../connectors/files/index.ts';
export { mariadb } from '../connectors/mariadb/index.ts';
export type { MariadbSettings } from '../connectors/mariadb/index.ts';
export { manual } from '../connectors/manual/index.ts';
export type { ManualSettings } from '../connectors/manual/index.ts';
export { postgres } from '../connectors/postgres/index.ts';
export type { PostgresSettings } from '../connectors/postgres/index.ts';
export type { KindMap, TableMap } from '../connectors/data-map/data-map.ts';
export {
  attested,
  basic,
  bearer,
  done,
  each,
  failed,
  findEach,
  header,
  hmac,
  http,
  HttpError,
  jwt,
  later,
  login,
  notYet,
  oauth2,
  pages,
  path,
  pending,
  query,
  refused,
  sign,
  unavailable,
  verifyAgain,
} from '../connectors/http/index.ts';
export type {
  About,
  AboutExport,
  Answer,
  Api,
  Auth,
  Erased,
  FoundIds,
  HttpSettings,
  Left,
  OwnedRow,
  Person,
} from '../connectors/http/index.ts';
/** For the schemas of answers in the functions of `http`. */
export { z } from 'zod';

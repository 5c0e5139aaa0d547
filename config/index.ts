/** What a configuration file imports as `lethe/config`, in this repository and in any other folder. */
export { defineDeployment, env } from './deployment.ts';
export type { Deployment, PolicySettings, ProjectSettings } from './settings.ts';
export { postgres } from '../connectors/postgres/index.ts';
export type { PostgresSettings } from '../connectors/postgres/index.ts';
export type { KindMap, TableMap } from '../connectors/data-map/data-map.ts';

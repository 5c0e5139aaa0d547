import { readFileSync } from 'node:fs';
import { defineDeployment } from '../../../../config/deployment.ts';
import { type PostgresSettings, postgres } from '../../../../connectors/postgres/index.ts';

/** The projects that a test writes into a file, because the maps depend on its databases. */
type Projects = Readonly<Record<string, { directory: string; systems: Readonly<Record<string, PostgresSettings>> }>>;
const projects = JSON.parse(readFileSync(process.env['SCHEMA_PROJECTS'] ?? '', 'utf8')) as Projects;

export default defineDeployment({
  projects: Object.fromEntries(
    Object.entries(projects).map(([name, { directory, systems }]) => [
      name,
      {
        policy: {
          gracePeriod: '1 second',
          hardDeletion: {},
          settle: '1 second',
          deadline: { gdpr: '30 days' },
          callsPerMinute: 6_000,
        },
        directory,
        systems: Object.fromEntries(
          Object.entries(systems).map(([system, settings]) => [system, postgres(settings)] as const),
        ),
      },
    ]),
  ),
});

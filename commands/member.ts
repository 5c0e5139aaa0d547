import { readCommandLine, UsageError } from '../config/command-line/command-line.ts';
import { variablesOf } from '../config/command-line/variables.ts';
import { loadDeployment, projectEntry, readDeployment } from '../config/deployment.ts';
import { runCommand } from '../config/run-command.ts';
import { deploymentEnvironment, migrateEnvironment } from '../config/environment.ts';
import { connect } from '../db/client.ts';
import { type MemberWithToken, addMemberOrToken } from '../db/members/members.ts';
import { requireMigrated } from '../db/migrate.ts';
import { ensureProjects } from '../db/project-lock.ts';
import { toCommandError } from '../db/errors.ts';
import { readName } from '../domain/text/names.ts';
import { type Role, ROLES } from '../domain/vocabulary.ts';

const COMMAND = {
  usage: ['npm run member -- --project NAME --name NAME [--role owner|admin] [--json]'],
  summary: ['Add a member with a token, or another token for a member. The token is printed once and never stored.'],
  options: {
    project: { type: 'string', value: 'NAME', help: 'A project of the configuration file.' },
    name: { type: 'string', value: 'NAME', help: 'The name of the member, with 1 to 200 characters.' },
    role: { type: 'string', value: 'ROLE', help: 'owner or admin. Default: owner for the first member of a project.' },
    json: { type: 'boolean', default: false, help: 'Print one JSON object.' },
  },
  variables: variablesOf('DATABASE_URL', 'LETHE_CONFIG'),
  examples: ['npm run member -- --project demo --name ann'],
} as const;
/** The actor in audit events of this command. An operator runs it, with access to the database and without a token. */
const OPERATOR = 'operator';

/** Adds a member with a token, or another token for a member. Prints the token once and stores only its digest. */
async function main(): Promise<number> {
  const { project, name, role, json } = readArguments();
  const { catalog } = readDeployment(await loadDeployment(deploymentEnvironment().configPath));
  projectEntry(catalog, project);
  const { databaseUrl } = migrateEnvironment();
  const database = connect(databaseUrl, { connections: 1 });
  try {
    await requireMigrated(database);
    await ensureProjects(database, [project]);
    const member = await addMemberOrToken(database, { project, name, role, actor: OPERATOR, at: new Date() });
    console.log(json ? JSON.stringify(memberJson(project, name, member)) : memberText(project, name, member));
    return 0;
  } catch (error) {
    throw toCommandError(error, databaseUrl);
  } finally {
    await database.$client.end({ timeout: 1 });
  }
}

function readArguments() {
  const { values } = readCommandLine(COMMAND);
  const { project, json } = values;
  const role: Role | null = ROLES.find((known) => known === values.role) ?? null;
  if (project === undefined || values.name === undefined)
    throw new UsageError(COMMAND, '--project and --name are required');
  if (values.role !== undefined && role === null) throw new UsageError(COMMAND, '--role must be owner or admin');
  const read = readName(values.name);
  if ('error' in read) throw new UsageError(COMMAND, `--name ${read.error}. Nothing was changed.`);
  return { project, name: read.name, role, json };
}

const memberJson = (project: string, name: string, member: MemberWithToken) => {
  const { memberId, role, added, tokenId, token, expiresAt } = member;
  return { project, memberId, name, role, added, tokenId, token, expiresAt };
};

const memberText = (project: string, name: string, member: MemberWithToken): string =>
  `${name} (${member.memberId}) ${member.added ? 'is now' : 'is'} an ${member.role} of ${project}.
API token ${member.tokenId}, valid until ${member.expiresAt.toISOString().slice(0, 10)}. It is shown only once:

${member.token}`;

await runCommand(main);

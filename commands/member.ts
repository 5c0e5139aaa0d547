import { parseArgs } from 'node:util';
import { loadDeployment, projectEntry, readDeployment } from '../config/deployment.ts';
import { runCommand } from '../config/run-command.ts';
import { deploymentEnvironment, migrateEnvironment } from '../config/environment.ts';
import { connect } from '../db/client.ts';
import { type MemberWithToken, addMemberOrToken } from '../db/members/members.ts';
import { requireMigrated } from '../db/migrate.ts';
import { ensureProjects } from '../db/project-lock.ts';
import { startupError } from '../db/errors.ts';
import { readName } from '../domain/text/names.ts';
import { type Role, ROLES } from '../domain/vocabulary.ts';

const USAGE = 'usage: npm run member -- --project NAME --name NAME [--role owner|admin] [--json]';
/** The actor in audit events of this command. An operator runs it, with access to the database and without a token. */
const OPERATOR = 'operator';

/** Adds a member with a token, or another token for a member. Prints the token once and stores only its digest. */
async function main(): Promise<number> {
  const { project, name, role, json } = readArguments();
  const { catalog } = readDeployment(await loadDeployment(deploymentEnvironment().configPath));
  projectEntry(catalog, project);
  const database = connect(migrateEnvironment().databaseUrl, { connections: 1 });
  try {
    await requireMigrated(database);
    await ensureProjects(database, [project]);
    const member = await addMemberOrToken(database, { project, name, role, actor: OPERATOR, at: new Date() });
    console.log(json ? JSON.stringify(memberJson(project, name, member)) : memberText(project, name, member));
    return 0;
  } catch (error) {
    const { code, reason = 'the database rejected the command' } = startupError(error);
    throw new Error(code === null ? reason : `${reason} (${code})`, { cause: error });
  } finally {
    await database.$client.end({ timeout: 1 });
  }
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      project: { type: 'string' },
      name: { type: 'string' },
      role: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { project, json } = values;
  const role: Role | null = ROLES.find((known) => known === values.role) ?? null;
  if (project === undefined || values.name === undefined) throw new Error(USAGE);
  if (values.role !== undefined && role === null) throw new Error('--role must be owner or admin');
  const read = readName(values.name);
  if ('error' in read) throw new Error(`--name ${read.error}. Nothing was changed.`);
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

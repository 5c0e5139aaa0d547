import { parseArgs } from 'node:util';
import { loadDeployment, readDeployment } from '../config/deployment.ts';
import { entryPoint } from '../config/entry-point.ts';
import { deploymentEnvironment, migrateEnvironment } from '../config/environment.ts';
import { connect } from '../db/client.ts';
import { type MemberWithToken, memberWithToken } from '../db/members/members.ts';
import { requireMigrated } from '../db/migrate.ts';
import { ensureProjects } from '../db/project-lock.ts';
import { startupError } from '../db/errors.ts';
import { type Role, ROLES } from '../domain/vocabulary.ts';

const USAGE = 'usage: npm run member -- --project NAME --name NAME [--role owner|admin] [--json]';
/** As the API takes names: no character that nobody sees. */
const NAME = /^[^\p{Cc}\p{Cs}]{1,200}$/u;
/** Whom audit rows name who came by this command: whoever may write to the database. */
const OPERATOR = 'operator';

/**
 * `npm run member -- --project demo --name ann [--role owner|admin] [--json]`: a member with a first token, or another
 * token for one that exists. The token is printed once and stored nowhere. The first member of a project is an owner.
 */
async function main(): Promise<number> {
  const { project, name, role, json } = asked();
  const { catalog } = readDeployment(await loadDeployment(deploymentEnvironment().configPath));
  if (!catalog.has(project))
    throw new Error(`there is no project of this name; lethe.config.ts has ${[...catalog.keys()].join(', ')}`);
  const database = connect(migrateEnvironment().databaseUrl, { connections: 1 });
  try {
    await requireMigrated(database);
    await ensureProjects(database, [project]);
    const member = await memberWithToken(database, { project, name, role, actor: OPERATOR, at: new Date() });
    console.log(json ? JSON.stringify(facts(project, name, member)) : told(project, name, member));
    return 0;
  } catch (error) {
    const { code, reason = 'the database refused' } = startupError(error);
    throw new Error(code === null ? reason : `${reason} (${code})`, { cause: error });
  } finally {
    await database.$client.end({ timeout: 1 });
  }
}

function asked() {
  const { values } = parseArgs({
    options: {
      project: { type: 'string' },
      name: { type: 'string' },
      role: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { project, name, json } = values;
  const role: Role | null = ROLES.find((known) => known === values.role) ?? null;
  if (project === undefined || name === undefined) throw new Error(USAGE);
  if (values.role !== undefined && role === null) throw new Error('--role is owner or admin');
  if (!NAME.test(name) || name.trim() !== name)
    throw new Error('--name is a text of 1 to 200 characters, without spaces around it');
  return { project, name, role, json };
}

const facts = (project: string, name: string, member: MemberWithToken) => {
  const { memberId, role, added, tokenId, token, expiresAt } = member;
  return { project, memberId, name, role, added, tokenId, token, expiresAt };
};

const told = (project: string, name: string, member: MemberWithToken): string =>
  `${name} (${member.memberId}) ${member.added ? 'is now' : 'is'} an ${member.role} of ${project}.
The token ${member.tokenId}, valid until ${member.expiresAt.toISOString().slice(0, 10)}, is shown only now:

${member.token}`;

await entryPoint(main);

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { type LaneState, readSystems, type KnownSystem } from '../../../db/systems/list.ts';
import { pauseSystem, resumeSystem } from '../../../db/systems/pauses.ts';
import type { Project } from '../../../domain/catalog.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { Window } from '../../../domain/retry/pace.ts';
import { LETHE, type SystemState } from '../../../domain/vocabulary.ts';
import { REMEDIES } from '../../../domain/wording/remedies.ts';
import { requirePermission } from '../../auth.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../../deps.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../../openapi/contract.ts';
import { projectName } from '../../schemas.ts';
import { Decision, params, System } from './schema.ts';

const listRoute = createRoute({
  operationId: 'listSystems',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/systems',
  summary: 'List systems',
  description:
    'Returns the systems of the project and the archive storage (`lethe`), each with its state, what it waits for, and how many requests wait for it. A system that fails for every request is shown here once, and not in `attention` of each request.',
  request: { query: z.strictObject({ project: projectName.optional() }) },
  responses: {
    200: jsonResponse(
      z.strictObject({
        items: z.array(System).openapi({ description: 'Every system, in the order of the configuration.' }),
      }),
      'The systems of the project.',
    ),
    ...problemResponses('project_not_found', 'invalid_request'),
  },
});

const getRoute = createRoute({
  operationId: 'getSystem',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/systems/{name}',
  summary: 'Get a system',
  description: 'Returns the state of the system.',
  request: { params },
  responses: { 200: jsonResponse(System, 'The system.'), ...problemResponses('project_not_found', 'system_not_found') },
});

const pauseRoute = createRoute({
  operationId: 'pauseSystem',
  ...requirePermission({ access: 'write', kind: 'deletion', role: 'owner' }),
  method: 'post',
  path: '/systems/{name}/pause',
  summary: 'Pause a system',
  description:
    'Keeps every step of every request from calling the system, until an owner resumes it. A running call stops at its next range, within seconds. Requests wait without `attention` and continue in the other systems; deadlines continue to run. A pause of a paused system replaces its reason.',
  request: { params, ...body(Decision.openapi('PauseSystem')) },
  responses: {
    200: jsonResponse(System, 'Paused.'),
    ...problemResponsesWithBody('project_not_found', 'system_not_found'),
  },
});

const resumeRoute = createRoute({
  operationId: 'resumeSystem',
  ...requirePermission({ access: 'write', kind: 'deletion', role: 'owner' }),
  method: 'post',
  path: '/systems/{name}/resume',
  summary: 'Resume a system',
  description:
    'Lets every step call the system again and wakes the requests that wait for it: ends a pause, an outage without waiting for the next probe, and what the system has asked its rate limits to wait for. If the calls fail again, so does the system. Returns `system_not_stopped` if nothing keeps steps from calling it.',
  request: { params, ...body(Decision.openapi('ResumeSystem')) },
  responses: {
    200: jsonResponse(System, 'Resumed. The requests continue asynchronously.'),
    ...problemResponsesWithBody('project_not_found', 'system_not_found', 'system_not_stopped'),
  },
});

export const systems = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(listRoute, async (c) => {
      const project = requireOwnProject(deps, c.get('caller'), c.req.valid('query').project);
      const stateOf = await readSystems(deps.database, project.name);
      return c.json({ items: namesOf(project).map((system) => response(project, system, stateOf(system))) }, 200);
    })
    .openapi(getRoute, async (c) => {
      const project = requireOwnProject(deps, c.get('caller'));
      return c.json(await readSystem(deps, project, requireSystem(project, c.req.valid('param').name)), 200);
    })
    .openapi(pauseRoute, async (c) => {
      const { project: named, reason: given } = c.req.valid('json');
      const caller = c.get('caller');
      const project = requireOwnProject(deps, caller, named);
      const system = requireSystem(project, c.req.valid('param').name);
      await pauseSystem(deps.database, caller, { system, reason: given, at: deps.now() });
      return c.json(await readSystem(deps, project, system), 200);
    })
    .openapi(resumeRoute, async (c) => {
      const { project: named, reason: given } = c.req.valid('json');
      const caller = c.get('caller');
      const project = requireOwnProject(deps, caller, named);
      const system = requireSystem(project, c.req.valid('param').name);
      const wake = await resumeSystem(deps.database, caller, { system, reason: given, at: deps.now() });
      await deps.orchestrator.signalRequests(wake);
      return c.json(await readSystem(deps, project, system), 200);
    });

const namesOf = (project: Project): readonly string[] => [...project.systems.map((system) => system.name), LETHE];

function requireSystem(project: Project, system: string): string {
  if (namesOf(project).includes(system)) return system;
  throw new DomainError(
    'system_not_found',
    'The project has no system with this name. Nothing was changed; see `GET /v1/systems`.',
  );
}

const readSystem = async (deps: ApiDeps, project: Project, system: string) =>
  response(project, system, (await readSystems(deps.database, project.name))(system));

function response(project: Project, system: string, { pause, outage, waitingRequests, lanes }: KnownSystem) {
  const declared = project.systems.find((entry) => entry.name === system)?.lanes ?? {};
  return {
    name: system,
    state: stateOf({ pause, outage }),
    outage: outage === null ? null : { ...outage, remedy: REMEDIES[outage.code] },
    pause,
    waitingRequests,
    lanes: Object.entries(declared).map(([lane, windows]) => laneResponse(lane, windows, lanes.get(lane))),
  };
}

function stateOf({ pause, outage }: Pick<KnownSystem, 'pause' | 'outage'>): SystemState {
  if (pause !== null) return 'paused';
  if (outage === null) return 'available';
  return outage.code === 'system_refused' || outage.code === 'coverage_broken' ? 'refusing' : 'unavailable';
}

const laneResponse = (lane: string, windows: readonly Window[], known: LaneState | undefined) => ({
  name: lane,
  windows: windows.map(({ calls, perMs }) => ({ calls, perMs, used: known?.used[perMs] ?? 0 })),
  waiting: known?.waiting ?? 0,
  postponedUntil: known?.postponedUntil ?? null,
});

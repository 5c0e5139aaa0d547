import { connect, type Database } from '../../../db/client.ts';

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly Node[];
  readonly [detail: string]: unknown;
}

/** One statement, with the rows that all nodes of its plan visited. */
export interface Visit {
  readonly statement: string;
  readonly rows: number;
  /** The nodes that visited most, for the message of a failed test. */
  readonly most: string;
}

const REMOVED = ['Rows Removed by Filter', 'Rows Removed by Join Filter', 'Rows Removed by Index Recheck'];
const rowsOf = (node: Node): number =>
  REMOVED.reduce((sum, name) => sum + Number(node[name] ?? 0), node['Actual Rows']) * node['Actual Loops'];
const nodesOf = (node: Node): readonly Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

function visitOf(message: string): readonly Visit[] {
  const json = /plan:\n(\{.*)/s.exec(message)?.[1];
  if (json === undefined) return [];
  const { 'Query Text': text, Plan: plan } = JSON.parse(json) as { 'Query Text': string; Plan: Node };
  const nodes = nodesOf(plan);
  const most = nodes
    .toSorted((one, other) => rowsOf(other) - rowsOf(one))
    .slice(0, 3)
    .map((node) => `${node['Node Type']} ${node['Index Name'] ?? node['Relation Name'] ?? ''} ${rowsOf(node)}`);
  return [
    {
      statement: text.replaceAll(/\s+/g, ' ').trim(),
      rows: nodes.reduce((sum, node) => sum + rowsOf(node), 0),
      most: most.join(', '),
    },
  ];
}

/** Lets a plan that visits each row once per row fail instead of running for minutes. */
const TIMEOUTS = { statementMs: 20_000, lockMs: 20_000 };

/** Connects to the database with auto_explain, which reports the plan of every statement after it has run. */
export function explaining(url: string): {
  readonly database: Database;
  /** The statements that `work` sends. */
  readonly visitsOf: (work: () => Promise<unknown>) => Promise<readonly Visit[]>;
} {
  const explained = new URL(url);
  for (const [name, value] of Object.entries({
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_timing': 'off',
    'auto_explain.log_format': 'json',
    'auto_explain.log_level': 'notice',
    'auto_explain.log_nested_statements': 'on',
    'auto_explain.log_parameter_max_length': '0',
  }))
    explained.searchParams.set(name, value);
  const visits: Visit[] = [];
  const database = connect(explained.href, {
    connections: 1,
    timeouts: TIMEOUTS,
    onNotice: (message) => void visits.push(...visitOf(message)),
  });
  return {
    database,
    visitsOf: async (work) => {
      visits.length = 0;
      await work();
      return [...visits];
    },
  };
}

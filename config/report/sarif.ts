import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import type { Report } from './report.ts';

const RULE = 'config-error';

/** SARIF 2.1.0. The physical place of each result is the configuration file, the logical one the path in it. */
export function sarifReport({ file, systems, errors }: Report): string {
  const found = [...errors, ...systems.filter(({ isInspected }) => isInspected).flatMap((system) => system.errors)];
  const failed = systems.filter(({ isInspected }) => !isInspected).flatMap((system) => system.errors);
  const results = found.map(({ path, message, sql }) => ({
    ruleId: RULE,
    ruleIndex: 0,
    level: 'error',
    message: { text: `${path}: ${message}` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: 1 } },
        logicalLocations: [{ fullyQualifiedName: path }],
      },
    ],
    // Code scanning treats results with one fingerprint as one.
    partialFingerprints: { primaryLocationLineHash: createHash('sha256').update(`${path}\n${message}`).digest('hex') },
    ...(sql === undefined ? {} : { properties: { sql } }),
  }));
  const run = {
    tool: {
      driver: {
        name: 'lethe check',
        rules: [{ id: RULE, shortDescription: { text: 'An error in the configuration or in the data map' } }],
      },
    },
    invocations: [
      {
        executionSuccessful: failed.length === 0,
        toolExecutionNotifications: failed.map(({ path, message }) => ({
          level: 'error',
          message: { text: `${path}: ${message}` },
        })),
      },
    ],
    results,
  };
  return `${JSON.stringify({ $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }, null, 2)}\n`;
}

/** A URI relative to the working directory, so that a code review shows the result at its file. */
const uriOf = (file: string): string =>
  file.startsWith('..') || file.startsWith('/')
    ? pathToFileURL(file).href
    : file.split('/').map(encodeURIComponent).join('/');

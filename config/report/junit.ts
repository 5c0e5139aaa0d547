import type { ConfigError } from '../../connectors/connector.ts';
import type { Report } from './report.ts';

interface Suite {
  readonly name: string;
  readonly isInspected: boolean;
  readonly errors: readonly ConfigError[];
}

/** JUnit XML: a suite per system, with a test case per config error, or with one that passes. */
export function junitReport({ file, systems, errors }: Report): string {
  const suites: Suite[] = [
    ...(errors.length > 0 || systems.length === 0 ? [{ name: file, isInspected: true, errors }] : []),
    ...systems.map((system) => ({ ...system, name: system.path })),
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="lethe check" ${counts(suites)}>`,
    ...suites.flatMap(suiteLines),
    '</testsuites>',
    '',
  ].join('\n');
}

function counts(suites: readonly Suite[]): string {
  const sum = (count: (suite: Suite) => number): number => suites.reduce((total, suite) => total + count(suite), 0);
  const tests = sum(({ errors }) => Math.max(errors.length, 1));
  const failures = sum(({ isInspected, errors }) => (isInspected ? errors.length : 0));
  const failed = sum(({ isInspected, errors }) => (isInspected ? 0 : errors.length));
  return `tests="${tests}" failures="${failures}" errors="${failed}"`;
}

function suiteLines(suite: Suite): string[] {
  const element = suite.isInspected ? 'failure' : 'error';
  const cases = suite.errors.map(
    ({ path, message, sql }) =>
      `    <testcase classname="${escape(suite.name)}" name="${escape(path)}"><${element} type="config_error" message="${escape(message)}">${escape(sql ?? message)}</${element}></testcase>`,
  );
  const passed = `    <testcase classname="${escape(suite.name)}" name="no config errors"/>`;
  return [
    `  <testsuite name="${escape(suite.name)}" ${counts([suite])}>`,
    ...(cases.length === 0 ? [passed] : cases),
    '  </testsuite>',
  ];
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Escapes markup, and replaces characters that XML 1.0 does not allow, also not as references. */
const escape = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
    .replaceAll(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);

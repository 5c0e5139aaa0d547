import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { z } from 'zod';
import { unpack } from '../../../archives/packing.ts';
import { type Figures, parsedRows, withoutEmpty, withoutZeros } from '../../../support/schemas/expected.ts';
import type { Person } from '../../../support/schemas/schema.ts';
import { downloadArchive, readManifest } from '../archive.ts';
import { type Service, createCaller } from '../service.ts';

const Receipt = z.object({
  final: z.boolean(),
  status: z.string(),
  systems: z.array(
    z.object({
      system: z.string(),
      state: z.string(),
      survivors: z.number().nullable(),
      tables: z.array(
        z.object({
          table: z.string(),
          removed: z.number(),
          retained: z.array(z.object({ basis: z.string(), rows: z.number() })),
          detached: z.number(),
          anonymised: z.object({ rows: z.number(), columns: z.array(z.string()) }),
        }),
      ),
    }),
  ),
});

/** The calls of an owner of one project. */
export function callerOf(service: Service, project: string, token: string) {
  const own: Service = {
    ...service,
    token,
    call: (method, path, body, headers = {}) =>
      service.call(method, path, body, { authorization: `Bearer ${token}`, ...headers }),
  };
  const caller = createCaller(own);
  const subjectsOf = ({ kind, identity: { type, value } }: Person) => ({
    kind,
    identities: [{ type, value: value.length === 1 ? value[0] : value }],
  });
  return {
    /** Exports a person and reads the archive: its text, and the rows of each file with rows by the name of its table. */
    async export(person: Person): Promise<{ text: string; rows: Record<string, string[]> }> {
      const id = await caller.submit(subjectsOf(person), { project, kind: 'export' });
      await caller.waitForStatus(id, 'ready');
      const files = await unpack(readFileSync(await downloadArchive(own, id)));
      const { files: listed } = await readManifest(own, id);
      const filled = listed.filter(({ rows }) => rows > 0);
      expect(new Set(filled.map(({ system }) => system))).toEqual(new Set([person.system]));
      return {
        text: [...files.values()].join('\n'),
        rows: Object.fromEntries(filled.map(({ table, path }) => [table, rowsOf(files, path)])),
      };
    },
    /** Deletes a person and reads the receipt. */
    async delete(person: Person) {
      const id = await caller.submit(subjectsOf(person), { project });
      await caller.waitForStatus(id, 'completed');
      const answer = await own.call('GET', `/v1/requests/${id}/receipt`);
      const { systems, ...receipt } = Receipt.parse(JSON.parse(answer.text));
      return {
        ...receipt,
        text: answer.text,
        ends: systems.map(({ system, state, survivors }) => ({ system, state, survivors })),
        figures: Object.fromEntries(
          systems.map(
            ({ system, tables }) => [system, withoutEmpty(Object.fromEntries(tables.map(figuresOf)))] as const,
          ),
        ),
      };
    },
  };
}

function rowsOf(files: ReadonlyMap<string, Buffer>, path: string | null): string[] {
  const file = files.get(path ?? '');
  if (file === undefined) throw new Error(`the archive has no file ${path}`);
  return parsedRows(file.toString());
}

function figuresOf(of: z.infer<typeof Receipt>['systems'][number]['tables'][number]): [string, Figures] {
  const { table, removed, retained, detached, anonymised } = of;
  const kept = retained.reduce((rows, each) => rows + each.rows, 0);
  return [table, withoutZeros({ removed, retained: kept, detached, anonymised: anonymised.rows })];
}

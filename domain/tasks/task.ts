import type { TaskState } from '../vocabulary.ts';

/** What a person has to do in a system for the subjects of one range. */
export interface NewTask {
  readonly requestId: string;
  readonly batch: number;
  readonly pass: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Subjects of the range that the call leaves out. */
  readonly except: readonly number[];
  /** The text of the configuration, whose placeholders are not filled in yet. */
  readonly instruction: string;
  /** The mail address of those who do it. Null for none. */
  readonly notify: string | null;
  readonly withinMs: number;
  readonly at: Date;
}

/** A task as its connector sees it. */
export interface Task {
  readonly state: TaskState;
  readonly dueAt: Date;
  /** The subjects that it asks for, in ascending order. */
  readonly seqs: readonly number[];
  /** Those of them for which it is not possible. Empty unless it was answered so. */
  readonly notPossible: readonly number[];
  /** Whether it asks for the whole range. Not after it was opened again. */
  readonly isWhole: boolean;
  /** Null while it is open. */
  readonly answeredAt: Date | null;
}

/** The tasks of one system in the ledger. */
export interface Tasks {
  /** Opens a task, or returns the one that an earlier call opened for the range. Null if the range has no subject. */
  open(task: NewTask): Promise<string | null>;
  read(id: string): Promise<Task>;
  /** Announces that an open task is late, once. */
  remind(id: string, at: Date): Promise<void>;
}

/** What a text can say about its task. None of it names a subject. */
export const PLACEHOLDERS = ['project', 'system', 'request', 'subjects', 'due'] as const;
export type TaskFacts = Readonly<Record<(typeof PLACEHOLDERS)[number], string>>;

const PLACEHOLDER = /\{(\w*)\}/g;

export const unknownPlaceholders = (text: string): readonly string[] =>
  [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name).filter((name) => !isPlaceholder(name));

export const fillIn = (text: string, facts: TaskFacts): string =>
  text.replaceAll(PLACEHOLDER, (found, name: string) => (isPlaceholder(name) ? facts[name] : found));

const isPlaceholder = (name: string): name is keyof TaskFacts => (PLACEHOLDERS as readonly string[]).includes(name);

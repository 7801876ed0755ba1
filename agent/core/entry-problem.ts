/** What is wrong with an entry of a file that people write; `path` leads from the entry to the value. */
export type EntryProblem = {
  readonly path: readonly (string | number)[];
  readonly problem: string;
  /** Where in the text at `path`, UTF-16 units; absent for the whole value. */
  readonly offset?: number;
};

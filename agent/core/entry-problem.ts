/** What is wrong with an entry of a file that people write; `path` leads from the entry to the value. */
export type EntryProblem = { readonly path: readonly (string | number)[]; readonly problem: string };

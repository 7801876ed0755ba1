/** What an integrator's program makes of a seed, or why there is no key; `problem` never holds what the program printed. */
export type MadeKey =
  | { readonly kind: "key"; readonly key: Uint8Array }
  | { readonly kind: "failed"; readonly problem: string };

/** A program that opens a security level of an ECU. `program` is an absolute path, and `arguments` are no secrets. */
export type KeyProgram = {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly timeoutMs: number;
};

/**
 * Runs a program that gets the seed in hexadecimal as a line on its standard input and prints the key likewise. It ends at its time limit
 * and when `signal` aborts. Neither seed nor key is told to anybody else. Never rejects.
 */
export type MakeKey = (program: KeyProgram, seed: Uint8Array, signal: AbortSignal) => Promise<MadeKey>;

import { createInterface } from "node:readline";
import type { z } from "zod";

/** Writes one value as a line of JSON on stdout: how a process of the bench talks to the one that started it. */
export function emit(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Parses one line of JSON; throws a ZodError or SyntaxError when the other side does not keep to `schema`. */
export function parseLine<T>(schema: z.ZodType<T>, line: string): T {
  const value: unknown = JSON.parse(line);
  return schema.parse(value);
}

/** Hands over each command line from stdin. When stdin ends, the parent is gone and so is the reason to run: the process ends. */
export function onCommands<T>(schema: z.ZodType<T>, handle: (command: T) => void): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => handle(parseLine(schema, line)));
  lines.on("close", () => process.exit(0));
}

/** Says on stdout why a process of the bench failed, and ends it. */
export function fail(error: unknown): void {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stdout.write(`${JSON.stringify({ kind: "failed", what })}\n`, () => process.exit(1));
}

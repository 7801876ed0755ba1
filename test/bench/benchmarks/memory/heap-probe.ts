import { readFileSync, rmSync } from "node:fs";
import { z } from "zod";
import { until } from "../../core/wait.ts";

/** V8's heap, MB (10^6 bytes): what it has from the kernel, what of it is in use, and what objects hold outside of it. */
export type HeapUse = { readonly committed: number; readonly used: number; readonly external: number };

const told = z.object({ heapTotal: z.number(), heapUsed: z.number(), external: z.number() });
const PATIENCE_MS = 10_000;

/** Node's options with which a process writes what its heap holds to `file` at each SIGUSR2. Nothing of it is loaded before the first. */
export function heapProbe(file: string): readonly string[] {
  const name = JSON.stringify(file);
  const answer = `const fs = process.getBuiltinModule("node:fs"); fs.writeFileSync(${name} + ".draft", JSON.stringify(process.memoryUsage())); fs.renameSync(${name} + ".draft", ${name});`;
  const program = `process.on("SIGUSR2", () => { ${answer} });`;
  return ["--import", `data:text/javascript,${encodeURIComponent(program)}`];
}

/** Asks a process that was started with `heapProbe(file)`. */
export async function heapUseOf(pid: number, file: string): Promise<HeapUse> {
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  const { heapTotal, heapUsed, external } = await until(() => answerIn(file), {
    what: "the process tells its heap",
    timeoutMs: PATIENCE_MS,
  });
  return { committed: heapTotal / 1e6, used: heapUsed / 1e6, external: external / 1e6 };
}

function answerIn(file: string): z.infer<typeof told> | undefined {
  try {
    const answer: unknown = JSON.parse(readFileSync(file, "utf8"));
    return told.parse(answer);
  } catch {
    // Not there yet.
    return undefined;
  }
}

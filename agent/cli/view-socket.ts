import { join } from "node:path";
import type { z } from "zod";
import { loadConfig } from "../../config/load.ts";
import { requestLocal } from "../../drivers/os/local-socket.ts";
import { AgentError } from "../core/errors.ts";
import type { CliContext } from "./context.ts";

/** Name of the daemon's socket for viewing, in its runtimeDir. */
export const VIEW_SOCKET_NAME = "view.sock";

/** Where the daemon of the given configuration answers. Throws `config.missing` or `config.invalid`. */
export async function viewSocketPath(context: CliContext): Promise<string> {
  const { runtimeDir } = await loadConfig(context.options().config);
  return join(runtimeDir, VIEW_SOCKET_NAME);
}

/** One question to the daemon at `path`, given up after --timeout. Throws `agent.not-running`, `agent.not-permitted` or the daemon's fault. */
export async function askAgent(context: CliContext, path: string, request: object): Promise<unknown> {
  const { clock, signal } = context;
  const late = new AbortController();
  const answered = new AbortController();
  void clock.sleep(context.options().timeoutMs, answered.signal).then(() => late.abort());
  try {
    return await requestLocal(path, request, AbortSignal.any([signal, late.signal]));
  } finally {
    answered.abort();
  }
}

/** An answer as `schema` describes it; throws `input.malformed` for one that a daemon of another version gave. */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AgentError("input.malformed", {
    what: `the running agent's answer is not understood: ${issue?.path.join(".")}: ${issue?.message}`,
    remedy: "use the causeway program of the same version as the running agent, or --json",
  });
}

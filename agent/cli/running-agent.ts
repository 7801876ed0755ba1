import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { loadConfig } from "../../config/load.ts";
import { guessPath } from "../../config/path-guess.ts";
import { requestLocal } from "../../drivers/os/local-socket/local-socket.ts";
import { AgentError, EXIT, errnoOf, FAULTS } from "../core/errors.ts";
import { issueText } from "../core/issue-text.ts";
import { showDaemonConfig } from "../daemon/layered-config.ts";
import { type CliContext, DEFAULT_CONFIG_FILE } from "./context.ts";

/** Where a packaged daemon's sockets are (product names and places). */
const DEFAULT_RUNTIME_DIR = "/run/causeway";

/**
 * Where the daemon of the given configuration can be looked at: view.sock, or admin.sock for who may use only that one. Throws
 * `config.missing` or `config.invalid`.
 */
export async function viewSocketPath(context: CliContext): Promise<string> {
  const folder = await runtimeFolder(context);
  const [view, admin] = [join(folder, "view.sock"), join(folder, "admin.sock")];
  return (await mayUse(admin)) && !(await mayUse(view)) ? admin : view;
}

/** Where the daemon of the given configuration takes changes. Throws as `viewSocketPath`. */
export async function adminSocketPath(context: CliContext): Promise<string> {
  return join(await runtimeFolder(context), "admin.sock");
}

/** The packaged configuration may be closed to technicians; the sockets have permissions of their own. */
async function runtimeFolder(context: CliContext): Promise<string> {
  const { config } = context.options();
  try {
    return (await loadConfig(config)).runtimeDir;
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || FAULTS[thrown.code].exit !== EXIT.configuration) throw thrown;
    const isDefault = config === DEFAULT_CONFIG_FILE;
    if (isDefault && errnoOf(thrown.cause) === "EACCES") return DEFAULT_RUNTIME_DIR;
    const folder = (await folderInForce(context)) ?? (isDefault ? DEFAULT_RUNTIME_DIR : undefined);
    if (folder === undefined || !(await hasSocket(folder))) throw thrown;
    return folder;
  }
}

/** An agent may run although its configuration cannot be used any more: where its copy says, or the damaged file still seems to. */
async function folderInForce(context: CliContext): Promise<string | undefined> {
  const { config } = context.options();
  const shown = await showDaemonConfig(config, context.clock, context.environment).catch(() => undefined);
  return shown?.config.runtimeDir ?? (await guessPath(config, "runtimeDir"));
}

async function hasSocket(folder: string): Promise<boolean> {
  return (await mayUse(join(folder, "view.sock"))) || (await mayUse(join(folder, "admin.sock")));
}

async function mayUse(path: string): Promise<boolean> {
  return await access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
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
  throw new AgentError("input.malformed", {
    what: `the running agent's answer is not understood: ${issueText(parsed.error)}`,
    remedy: "use the causeway program of the same version as the running agent, or --json",
  });
}

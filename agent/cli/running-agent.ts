import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { loadConfig } from "../../config/load.ts";
import { guessPath } from "../../config/path-guess.ts";
import type { AgentConfig } from "../../config/schema.ts";
import { requestLocal, streamLocal } from "../../drivers/os/local-socket/local-client.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, EXIT, errnoOf, FAULTS } from "../core/errors.ts";
import { issueText } from "../core/issue-text.ts";
import { showDaemonConfig } from "../daemon/configuration/layered-config.ts";
import { statusVerb } from "../local-api/status-schema.ts";
import type { SocketName, StreamVerb, Verb } from "../local-api/verb.ts";
import { type CliContext, DEFAULT_CONFIG_FILE } from "./context.ts";

/** Where a packaged daemon's sockets are (product names and places). */
const DEFAULT_RUNTIME_DIR = "/run/causeway";
/** How long the daemon's socket is given to answer whether it runs, ms. */
const DAEMON_MS = 500;

/** What the agent said: `answer` as its schema reads it, `raw` as it came, for --json. */
export type VerbReply<Answer> = { readonly answer: Answer; readonly raw: unknown };

/** The daemon of a configuration, whether it runs or not. */
export type RunningAgent = {
  /**
   * One question, given up after --timeout. Throws `agent.not-running`, `agent.not-permitted`, the agent's own fault, or
   * `input.malformed` for an answer of another version.
   */
  ask<Asked extends object, Answer>(
    verb: Verb<Asked, unknown, unknown, Answer>,
    request: Asked,
  ): Promise<VerbReply<Answer>>;
  /** What a verb of many values gives, until the agent ends it, or `signal` aborts: the user's interrupt where it is absent. Throws as `ask`. */
  follow<Asked extends object, Answer>(
    verb: StreamVerb<Asked, unknown, unknown, Answer>,
    request: Asked,
    signal?: AbortSignal,
  ): AsyncGenerator<Answer>;
};

/** The daemon of the configuration that is given. Throws `config.missing` or `config.invalid`. */
export async function runningAgent(context: CliContext): Promise<RunningAgent> {
  const folder = await runtimeFolder(context);
  return {
    ask: async ({ name, socket, answer }, request) => {
      const path = await socketPath(folder, socket);
      const raw = await inTime(context, (signal) => requestLocal(path, { verb: name, ...request }, signal));
      return { answer: parseAnswer(answer, raw), raw };
    },
    follow: async function* ({ name, socket, each }, request, until = context.signal) {
      const path = await socketPath(folder, socket);
      for await (const raw of streamLocal(path, { verb: name, ...request }, until)) yield parseAnswer(each, raw);
    },
  };
}

/** What asking gives, or the fault that no agent runs. Rejects with every other. */
export async function unlessAway<T>(asking: Promise<T>): Promise<T | AgentError> {
  try {
    return await asking;
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.code === "agent.not-running") return thrown;
    throw thrown;
  }
}

/** Whether the daemon of this configuration answers; one that hangs counts too, since it holds the client id. */
export async function isRunning({ runtimeDir }: Pick<AgentConfig, "runtimeDir">, clock: Clock): Promise<boolean> {
  const patience = new AbortController();
  const late = clock.sleep(DAEMON_MS, patience.signal).then(() => true);
  const answers = requestLocal(join(runtimeDir, "view.sock"), { verb: statusVerb.name }, patience.signal).then(
    () => true,
    () => false,
  );
  const runs = await Promise.race([answers, late]);
  patience.abort();
  return runs;
}

/** Who may use admin.sock alone looks there too. */
async function socketPath(folder: string, socket: SocketName): Promise<string> {
  const [view, admin] = [join(folder, "view.sock"), join(folder, "admin.sock")];
  if (socket === "admin") return admin;
  return (await mayUse(admin)) && !(await mayUse(view)) ? admin : view;
}

/** Where the sockets of the daemon are. The packaged configuration may be closed to technicians; the sockets have permissions of their own. */
export async function runtimeFolder(context: CliContext): Promise<string> {
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

async function inTime(context: CliContext, ask: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
  const { clock, signal } = context;
  const late = new AbortController();
  const answered = new AbortController();
  void clock.sleep(context.options().timeoutMs, answered.signal).then(() => late.abort());
  try {
    return await ask(AbortSignal.any([signal, late.signal]));
  } finally {
    answered.abort();
  }
}

/** Throws `input.malformed` for an answer that a daemon of another version gave. */
function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new AgentError("input.malformed", {
    what: `the running agent's answer is not understood: ${issueText(parsed.error)}`,
    remedy: "use the causeway program of the same version as the running agent, or --json",
  });
}

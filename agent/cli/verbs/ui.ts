import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { listenAt } from "../../../drivers/os/local-socket/local-server.ts";
import { AgentError, errnoOf } from "../../core/errors.ts";
import { fileTrouble } from "../../core/file-trouble.ts";
import type { AgentLine, UiRole } from "../../ui/agent-line.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { type RunningAgent, runningAgent } from "../running-agent.ts";

/** Only this machine is answered. */
const HOST = "127.0.0.1";
const DEFAULT_PORT = 8440;
const TOKEN_BYTES = 24;
/** Who may connect to a socket of the page: who may look also the group, who may change its owner alone. */
const SOCKET_MODES: Readonly<Record<UiRole, number>> = { view: 0o660, admin: 0o600 };
/** While the socket is made, and folders above it: nobody but the owner until it has its mode. */
const MAKING_UMASK = 0o077;

type UiOptions = { readonly port?: number; readonly socket?: string | undefined; readonly admin: boolean };

/** `causeway ui`: the live page of the running agent, for a browser of this machine. */
export function registerUi(program: Command, context: CliContext): void {
  program
    .command("ui")
    .description(
      "a live page of the running agent for a browser, until interrupted: only for this machine, and only to look",
    )
    .option("--port <number>", `port of ${HOST}, 0 for a free one (default: ${DEFAULT_PORT})`, port)
    .option("--socket <path>", "a Unix socket in the place of a port")
    .option("--admin", "the page may act too, as far as admin.sock lets this user", false)
    .addHelpText(
      "after",
      "\nOpen the whole address that it prints: what follows '#' is the key to the page, new at each start. From another machine, through SSH:\n  ssh -L 8440:127.0.0.1:8440 GATEWAY\n\nExamples:\n  causeway ui\n  causeway ui --admin --port 0\n  causeway ui --socket /run/user/1000/causeway-ui.sock",
    )
    .action(async (options: UiOptions) => await serve(options, context));
}

async function serve(options: UiOptions, context: CliContext): Promise<void> {
  if (options.port !== undefined && options.socket !== undefined) {
    throw new AgentError("usage.invalid", {
      what: "--port and --socket are given together",
      remedy: "give one of them",
    });
  }
  const { createUiServer } = await import("../../ui/ui-server.ts");
  const { clock, version, signal } = context;
  const role = options.admin ? "admin" : "view";
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const line = lineOf(await runningAgent(context), role);
  const ui = createUiServer({ line, clock, role, token, version });
  const socket = options.socket === undefined ? undefined : resolve(options.socket);
  const url = `${await listen(ui.http, { ...options, socket }, role)}/#${token}`;
  try {
    tell({ url, role, socket }, context);
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    await ui.stop();
  }
}

/** The sockets of the agent; a page that only shows cannot ask what changes, whatever it tries. */
function lineOf(agent: RunningAgent, role: UiRole): AgentLine {
  return {
    ask: async (verb, request) => {
      if (verb.socket === "admin" && role !== "admin") {
        throw new AgentError("agent.not-permitted", {
          what: `${verb.name} changes the agent, and this page only shows`,
          remedy: "start it with --admin",
        });
      }
      return (await agent.ask(verb, request)).answer;
    },
    follow: (verb, request, signal) => agent.follow(verb, request, signal),
  };
}

/** Gives the address without the token. */
async function listen(
  http: Server,
  { port: wanted = DEFAULT_PORT, socket }: Omit<UiOptions, "admin">,
  role: UiRole,
): Promise<string> {
  if (socket !== undefined) {
    await listenOnSocket(http, socket, role);
    // Where the tunnel that is named beside it ends.
    return `http://${HOST}:${DEFAULT_PORT}`;
  }
  try {
    http.listen({ host: HOST, port: wanted });
    await once(http, "listening");
  } catch (thrown) {
    throw new AgentError("usage.invalid", {
      what: `cannot listen on ${HOST}:${wanted}: ${fileTrouble(thrown)}`,
      remedy: errnoOf(thrown) === "EADDRINUSE" ? "choose another one with --port, or 0 for a free one" : "--port 0",
      cause: thrown,
    });
  }
  return `http://${HOST}:${portOf(http.address())}`;
}

async function listenOnSocket(http: Server, path: string, role: UiRole): Promise<void> {
  const before = process.umask(MAKING_UMASK);
  try {
    await listenAt(http, { path, mode: SOCKET_MODES[role] });
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    throw new AgentError("output.unwritable", {
      what: `no page on ${path}: ${fileTrouble(thrown.cause ?? thrown)}`,
      remedy: "give --socket a path in a folder of your own, where nobody listens yet, of at most 107 bytes",
      cause: thrown,
    });
  } finally {
    process.umask(before);
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

type Place = { readonly url: string; readonly role: UiRole; readonly socket: string | undefined };

function tell({ url, role, socket }: Place, context: CliContext): void {
  if (context.options().json) return printJson(context, { schemaVersion: 1, url, role, socket });
  printLine(context, url);
  if (socket !== undefined) note(context, `on ${socket}; reach it with: ssh -L 8440:${socket} GATEWAY, at port 8440`);
  note(
    context,
    role === "admin"
      ? "The page may act, as far as admin.sock lets this user. Ctrl-C ends it."
      : "The page only shows. Ctrl-C ends it.",
  );
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError("Give a port: 0 to 65535.");
  }
  return value;
}

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type Child, startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { untilStarted } from "../core/wait.ts";

/** What to start. `user` and `password` are wanted of every client when there are such; `ports`: the ones that CONNECT may lead to. */
export type TinyproxyRequest = {
  readonly folder: string;
  readonly ports: readonly number[];
  readonly user?: string;
  readonly password?: string;
};

/** A running tinyproxy on 127.0.0.1. */
export type Tinyproxy = {
  readonly port: number;
  /** What it was asked so far, and how that ended. */
  log(): string;
  /** Starts it again on the same port, after `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts Debian's tinyproxy and resolves when it takes connections. */
export async function startTinyproxy({ folder, ports, user, password }: TinyproxyRequest): Promise<Tinyproxy> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const port = await freePorts(1);
  const logFile = join(folder, "tinyproxy.log");
  const configFile = join(folder, "tinyproxy.conf");
  const lines = [
    `Port ${port}`,
    "Listen 127.0.0.1",
    "Timeout 60",
    "MaxClients 20",
    "LogLevel Connect",
    "Allow 127.0.0.1",
    ...(user === undefined || password === undefined ? [] : [`BasicAuth ${user} ${password}`]),
    ...ports.map((allowed) => `ConnectPort ${allowed}`),
  ];
  writeFileSync(configFile, `${lines.join("\n")}\n`, { mode: 0o600 });
  const onLine = (line: string): void => writeFileSync(logFile, `${line}\n`, { flag: "a" });
  let child: Child | undefined;
  const start = async (): Promise<void> => {
    const started = await startChild({ command: "tinyproxy", args: ["-d", "-c", configFile], logFile, onLine });
    child = started;
    await untilStarted(started, listening(port), "tinyproxy");
  };
  await start();
  return { port, log: () => readFileSync(logFile, "utf8"), start, stop: async () => void (await child?.stop()) };
}

/** Gives true once a connection to the port was taken. */
function listening(port: number): () => true | undefined {
  let isUp = false;
  return () => {
    const socket = connect(port, "127.0.0.1", () => {
      isUp = true;
      socket.destroy();
    });
    socket.on("error", () => undefined);
    return isUp || undefined;
  };
}

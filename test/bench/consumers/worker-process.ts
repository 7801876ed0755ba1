import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";

const ENTRY = fileURLToPath(new URL("../../../agent/consumer/main.ts", import.meta.url));

/** A worker of the cloud side, as a process of its own. */
export type WorkerProcess = {
  readonly child: Child;
  /** The value of a metric without labels; undefined where it has none, or the worker does not answer. */
  metric(name: string): Promise<number | undefined>;
};

/** `settings` is the file's content (JSON is YAML); what it says of metrics is replaced. `folder` gets its file and log. */
export type WorkerRequest = {
  readonly folder: string;
  readonly slot: string;
  readonly settings: Readonly<Record<string, unknown>>;
};

/** Starts a worker and resolves when it is subscribed. */
export async function startWorker({ folder, slot, settings }: WorkerRequest): Promise<WorkerProcess> {
  const port = await freePorts(1);
  const file = join(folder, `worker-${slot}.yaml`);
  writeFileSync(file, JSON.stringify({ ...settings, metrics: { host: "127.0.0.1", port } }), { mode: 0o600 });
  const logFile = join(folder, `worker-${slot}.log`);
  const child = await startChild({
    command: process.execPath,
    args: [ENTRY, "--config", file, "--slot", slot],
    logFile,
  });
  const metric = async (name: string): Promise<number | undefined> => {
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (response) => response.text(),
      () => "",
    );
    const line = text.split("\n").find((one) => one.startsWith(`causeway_consumer_${name} `));
    return line === undefined ? undefined : Number(line.split(" ")[1]);
  };
  await until(
    async () => {
      if (child.hasEnded())
        throw new Error(`the worker ${slot} has ended: ${readFileSync(logFile, "utf8").slice(-2000)}`);
      return (await metric("up")) === 1 ? true : undefined;
    },
    { what: `worker ${slot} is subscribed`, timeoutMs: START_TIMEOUT_MS },
  );
  return { child, metric };
}

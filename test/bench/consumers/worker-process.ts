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
  /** What the worker says of itself, by name without labels; empty while it does not answer. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** The value of `causeway_consumer_NAME`; undefined where it has none, or the worker does not answer. */
  metric(name: string): Promise<number | undefined>;
  /** Resolves when it is subscribed; rejects when it has ended. */
  ready(): Promise<void>;
};

/** `settings` is the file's content (JSON is YAML); what it says of metrics is replaced. `folder` gets its file and log. */
export type WorkerRequest = {
  readonly folder: string;
  readonly slot: string;
  readonly settings: Readonly<Record<string, unknown>> & { readonly group: string };
  readonly environment?: Readonly<Record<string, string>>;
};

/** Starts a worker and resolves when it is subscribed. */
export async function startWorker(request: WorkerRequest): Promise<WorkerProcess> {
  const worker = await launchWorker(request);
  await worker.ready();
  return worker;
}

/** Starts a worker; does not wait until it is ready. */
export async function launchWorker(request: WorkerRequest): Promise<WorkerProcess> {
  const { folder, slot, settings, environment = {} } = request;
  const port = await freePorts(1);
  const base = join(folder, `${settings.group}-worker-${slot}`);
  const [file, logFile] = [`${base}.yaml`, `${base}.log`];
  writeFileSync(file, JSON.stringify({ ...settings, metrics: { host: "127.0.0.1", port } }), { mode: 0o600 });
  const args = [ENTRY, "--config", file, "--slot", slot];
  const child = await startChild({ command: process.execPath, args, environment, logFile });
  const metrics = () => metricsAt(port);
  const metric = async (name: string): Promise<number | undefined> =>
    (await metrics()).get(`causeway_consumer_${name}`);
  const isUp = async (): Promise<true | undefined> => {
    if (child.hasEnded())
      throw new Error(`the worker ${slot} has ended: ${readFileSync(logFile, "utf8").slice(-2000)}`);
    return (await metric("up")) === 1 ? true : undefined;
  };
  const ready = async (): Promise<void> => {
    await until(isUp, { what: `worker ${slot} is subscribed`, timeoutMs: START_TIMEOUT_MS });
  };
  return { child, metrics, metric, ready };
}

async function metricsAt(port: number): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
  const text = (await answer?.text().catch(() => "")) ?? "";
  const lines = text.split("\n").map((line) => /^(\w+) (\S+)$/.exec(line));
  return new Map(lines.flatMap((line) => (line === null ? [] : [[line[1], Number(line[2])] as const])));
}

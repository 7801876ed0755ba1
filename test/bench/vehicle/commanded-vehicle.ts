import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Broker } from "../../../agent/ports/broker.ts";
import { readStatus } from "../agent/agent-client.ts";
import type { Execution } from "../cloud/command-executions.ts";
import { startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";
import { DoorVehicle } from "./door-vehicle.ts";

const PROGRAM = fileURLToPath(new URL("../../../scripts/causeway", import.meta.url));
const THING = "bench-truck";
const PATIENCE_MS = 20_000;

/** A vehicle that is online and hears its bus. `folder` is its own. */
export type CommandedVehicle = {
  readonly folder: string;
  readonly vehicle: DoorVehicle;
  /** A client of the broker that is no part of the vehicle. */
  readonly cloud: Broker;
  readonly status: () => ReturnType<typeof readStatus>;
};

/** Starts a vehicle with its doors, broker, cloud and agent, and stops all of it when `use` has ended. */
export async function withCommandedVehicle<T>(use: (running: CommandedVehicle) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const stops: (() => Promise<void>)[] = [];
  try {
    const vehicle = await DoorVehicle.start(folder, THING);
    stops.push(() => vehicle.stop());
    const cloud = await vehicle.cloud.sessionAs("consumer");
    stops.push(() => cloud.stop());
    cloud.start();
    await cloud.online(AbortSignal.timeout(PATIENCE_MS));
    const home = await vehicle.home();
    const args = ["run", "--config", home.config];
    const agent = await startChild({ command: PROGRAM, args, logFile: join(folder, "agent.log") });
    stops.push(async () => void (await agent.stop()));
    const status = () => readStatus(home.socket);
    const isReady = async (): Promise<true | undefined> => {
      const now = await status();
      return now?.link.state === "online" && (now.buses[0]?.decoded ?? 0) > 2 ? true : undefined;
    };
    await until(isReady, { what: "the vehicle is online and hears its bus", timeoutMs: PATIENCE_MS });
    return await use({ folder, vehicle, cloud, status });
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true });
  }
}

/** Sends a request as a command of AWS IoT Commands. */
export async function startCommand(vehicle: DoorVehicle, body: unknown): Promise<Execution> {
  return await vehicle.cloud.commands.startExecution({
    command: { format: "json", template: JSON.stringify(body) },
    thing: THING,
    executionTimeoutSeconds: 60,
  });
}

/** Final status of an execution, with the reason where there is one. */
export async function endOf(execution: Execution): Promise<string> {
  const isOver = (): true | undefined => (/CREATED|IN_PROGRESS/.test(execution.status) ? undefined : true);
  await until(isOver, { what: "the end of a command", timeoutMs: PATIENCE_MS, everyMs: 1 });
  const { status, reason } = execution;
  return reason === undefined ? status : `${status} ${reason.reasonCode}`;
}

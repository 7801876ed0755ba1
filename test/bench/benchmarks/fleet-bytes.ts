import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { composeAgent } from "../../../agent/daemon/compose.ts";
import { loadDaemonConfig } from "../../../agent/daemon/configuration/layered-config.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { ERROR_CLASS } from "../../../drivers/can/error-state.ts";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { TcpProxy } from "../broker/tcp-proxy.ts";
import type { DefenderDocument } from "../cloud/defender-report.ts";
import { type Hub, startHub } from "../vehicle/socketcand-hub.ts";
import { THING, writeVehicle } from "./fleet-vehicle.ts";

/** What a day of one configuration takes on the connection to the broker: the stream of TLS, keep-alives and all, without TCP and IP. */
export type DayBytes = {
  readonly name: string;
  /** From the vehicle, and to it. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** More than the day without any of them. */
  readonly moreSentBytes: number;
  readonly moreReceivedBytes: number;
  /** How often the service spoke: updates and reads of the shadow, reports, health records; and what failed, which must be 0. */
  readonly counts: Readonly<Record<string, number>>;
};

type Day = Omit<DayBytes, "moreSentBytes" | "moreReceivedBytes">;

const DAY_MS = 86_400_000;
/** Below each wait for an answer, so that no answer is late by the clock of the agent. */
const STEP_MS = 5000;
/** Of the machine: for an answer to come, and after which nothing is on its way any more. */
const PAUSE_MS = 3;
const QUIET_MS = 25;
/** A bus goes away and comes back, so often a day: two trips. */
const CHANGES = 4;

/** What would only cost time here: a day has 345,600 batches of a quarter of a second, all of them empty. */
const QUIET = { log: { level: "error" }, collect: { batchMs: 60_000 } };

const DAYS: readonly { readonly name: string; readonly change: Readonly<Record<string, unknown>> }[] = [
  { name: "none", change: {} },
  { name: "shadow", change: { shadows: { state: {} } } },
  { name: "defender", change: { defender: {} } },
  { name: "health", change: { metrics: { health: {} } } },
  { name: "all", change: { shadows: { state: {} }, defender: {}, metrics: { health: {} } } },
];

const told = z.looseObject({
  link: z.object({ state: z.string(), connects: z.number() }),
  delivery: z.object({ delivered: z.number() }),
  shadows: z.object({ state: z.object({ updates: z.number(), reads: z.number(), failures: z.number() }) }).optional(),
  defender: z
    .object({ accepted: z.number(), rejected: z.number(), unanswered: z.number(), reportBytes: z.number() })
    .optional(),
});

/** Lets a day pass for a vehicle at rest with each of shadow, Defender and health record at their defaults, with none and with all. */
export async function benchmarkBytes(): Promise<readonly DayBytes[]> {
  // Side by side: most of the time is waiting for answers.
  const days = await Promise.all(DAYS.map(({ name, change }) => dayOf(name, change)));
  const [none] = days;
  return days.map((day) => ({
    ...day,
    moreSentBytes: day.sentBytes - (none?.sentBytes ?? 0),
    moreReceivedBytes: day.receivedBytes - (none?.receivedBytes ?? 0),
  }));
}

/** The agent is composed whole in this process, on a clock that is moved on by seconds whenever nothing is on its way. */
async function dayOf(name: string, change: Readonly<Record<string, unknown>>): Promise<Day> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const cloud = await startCommandCloud(join(folder, "cloud"), [THING]);
  cloud.defender.leastMs = 0;
  const proxy = new TcpProxy({ host: "127.0.0.1", port: cloud.mosquitto.port });
  const hub = await startHub();
  const clock = new ManualClock();
  const ending = new AbortController();
  try {
    const buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port: hub.port, interface: "can0" }];
    const config = await writeVehicle(folder, cloud, { buses, ...QUIET, ...change }, await proxy.start());
    const context = { version: "0.1.0", clock, environment: {}, startedAtMs: clock.monotonicMs() };
    const agent = await composeAgent(await loadDaemonConfig(config, clock, undefined), context);
    const running = agent.run(ending.signal);
    const status = async () => told.parse(await requestLocal(join(folder, "run", "view.sock"), { verb: "status" }));
    while ((await status().catch(() => undefined))?.link.state !== "online") {
      await clock.run(20);
      await sleep(20);
    }
    const endMs = clock.monotonicMs() + DAY_MS;
    for (let at = 0; clock.monotonicMs() < endMs; at += 1) {
      changeBus(hub, at, DAY_MS / STEP_MS);
      await pass(clock, proxy);
    }
    const { shadows, defender, link, delivery } = await status();
    const listed = listedBy(cloud.defender.reports.at(-1)?.report);
    const counts = { connects: link.connects, records: delivery.delivered, ...shadows?.state, ...defender, ...listed };
    const { fromClient: sentBytes, toClient: receivedBytes } = proxy.passed;
    ending.abort();
    // The goodbye waits by the clock.
    while ((await Promise.race([running.then(() => "over" as const), sleep(20)])) !== "over") await clock.run(50);
    return { name, sentBytes, receivedBytes, counts };
  } finally {
    ending.abort();
    await hub.stop();
    await proxy.stop();
    await cloud.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Connections and ports of this machine in a report: what a report has most of its bytes by. */
function listedBy(report: DefenderDocument | undefined): Readonly<Record<string, number>> {
  if (report === undefined) return {};
  const { metrics: { tcp_connections: tcp, listening_tcp_ports: ports } = {} } = report;
  return { connections: tcp?.established_connections.total ?? 0, ports: ports?.total ?? 0 };
}

async function pass(clock: ManualClock, { passed }: TcpProxy): Promise<void> {
  const sum = (): number => passed.fromClient + passed.toClient;
  let before = sum();
  await clock.run(STEP_MS);
  await sleep(PAUSE_MS);
  while (sum() !== before) {
    before = sum();
    await sleep(QUIET_MS);
  }
}

function changeBus(hub: Hub, step: number, steps: number): void {
  const every = Math.floor(steps / CHANGES);
  if (step % every !== Math.floor(every / 2)) return;
  const errorClass = Math.floor(step / every) % 2 === 0 ? ERROR_CLASS.busOff : ERROR_CLASS.restarted;
  hub.inject("can0", { id: errorClass, flags: FRAME_FLAG.error, data: new Uint8Array(8), receivedAtUs: 0 });
}

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { until } from "../../bench/core/wait.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type Daemon, type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const SPEED_ID = 256;
const clock = systemClock();
const ends: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A bus on which the speed is told ten times a second; undefined is a bus that is asleep. */
async function vehicle(): Promise<{ readonly hub: Hub; readonly drive: (speed: number | undefined) => void }> {
  const hub = await startHub();
  ends.push(() => hub.stop());
  let speed: number | undefined;
  const tick = (): void => {
    if (speed === undefined) return;
    const data = new Uint8Array(8);
    data[0] = speed * 10;
    hub.inject("can0", { id: SPEED_ID, flags: 0, data, receivedAtUs: 0 });
  };
  ends.push(clock.every(100, tick));
  return {
    hub,
    drive: (to) => {
      speed = to;
    },
  };
}

/** A silence in seconds that a busy machine does not bring about, and one that is soon over. */
const LONG_SILENCE = 30;
const SHORT_SILENCE = 2;

/** The vehicle drives while its speed says so, and is parked when nothing was heard of it for `silentSeconds`. Gives `config`. */
function setUp(config: Record<string, unknown>, { port }: Hub, silentSeconds: number): Record<string, unknown> {
  config.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port, interface: "can0" }];
  const condition = { signals: { speed: "Engine.Speed" }, maxAgeMs: silentSeconds * 500, all: ["speed > 1.0"] };
  const debounce = { onSeconds: 0.2, offSeconds: 0.5, silentSeconds };
  config.power = { state: { ignition: [{ from: "signals", condition }], debounce } };
  return config;
}

/** What the outbox of an agent that has ended says of trips and states. */
function toldBy(home: DaemonHome): readonly string[] {
  const file = join(home.folder, "state", "outbox.db");
  const disk = { file, maxBytes: 100_000_000, bootId: "0".repeat(32), clock, log: new MemoryLog(), standbyFiles: [] };
  const { outbox } = openOutbox(disk);
  const reader = createRecordReader(readDescriptor());
  const payloads = outbox.read("event", 0, outbox.lastRow(), 10_000, 1e9).map(({ payload }) => payload);
  outbox.close();
  return payloads.flatMap((payload) => {
    const { body } = reader.decode(payload);
    if (body.kind === "vehicle-state-change") return [`${body.number} ${body.before} > ${body.state}`];
    if (body.kind !== "trip") return [];
    return [`${body.number} ${body.phase} ${body.trip}${body.isInterrupted ? " interrupted" : ""}`];
  });
}

describe("an agent that is killed while the vehicle drives", () => {
  it("goes on with the trip, and tells its begin and its end once", async () => {
    const { hub, drive } = await vehicle();
    const home = await daemonHome((config) => setUp(config, hub, LONG_SILENCE));
    const is = async (daemon: Daemon, state: string): Promise<void> => {
      const isIt = async () => ((await daemon.status()).vehicle?.state === state ? true : undefined);
      await until(isIt, { what: `the vehicle is ${state}`, timeoutMs: 15_000, everyMs: 50 });
    };
    const kill = async ({ child }: Daemon): Promise<void> => {
      child.signal("SIGKILL");
      await child.ended;
    };
    const first = await startDaemon(home);
    drive(5);
    await is(first, "driving");
    await kill(first);
    const second = await startDaemon(home);
    expect((await second.status()).vehicle).toMatchObject({ state: "driving", trip: { number: 1 } });
    const shown = async (): Promise<string> =>
      (await runCli(["vehicle", "state", "--config", home.config], { clock })).stdout;
    // A second look of the agent, each 250 ms, makes it one that has seen the trip.
    let seen = 0;
    await until(async () => (/signals +on/.test(await shown()) && ++seen > 2) || undefined, {
      what: "it drives on",
      timeoutMs: 15_000,
      everyMs: 200,
    });
    drive(0);
    await is(second, "parked");
    drive(5);
    await is(second, "driving");
    await kill(second);
    drive(undefined);
    const config: unknown = parse(readFileSync(home.config, "utf8"));
    writeFileSync(home.config, stringify(setUp(z.record(z.string(), z.unknown()).parse(config), hub, SHORT_SILENCE)));
    const third = await startDaemon(home);
    await is(third, "parked");
    const { stdout } = await runCli(["vehicle", "trips", "--config", home.config], { clock });
    expect(stdout).toMatch(/\n2 .*interrupted: nobody saw its end\n1 /);
    // In order: what waits for the outbox is in it then.
    await third.child.stop();
    expect(toldBy(home)).toEqual([
      "1 parked > driving",
      "2 begin 1",
      "3 driving > parked",
      "4 end 1",
      "5 parked > driving",
      "6 begin 2",
      "7 driving > parked",
      "8 end 2 interrupted",
    ]);
  });
});

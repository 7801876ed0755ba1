import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { STREAMS } from "../../../agent/ports/outbox.ts";
import type { RecordHistogram, RecordRow } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { type Daemon, type DaemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";
import { CampaignVehicle, removeCampaign } from "./campaign-vehicle.ts";

const DESCRIPTOR = join(import.meta.dirname, "../../../config/proto/telemetry.desc");
const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;
const AROUND = {
  inputs: { speed: "can0/Engine.Speed" },
  trigger: { condition: "speed > 100.0", beforeMs: 1000, afterMs: 1000, minIntervalMs: 0 },
  collect: [{ signals: ["Engine.*", "Body.*"], mode: "every", ms: 0 }],
};

const jsonRows = z.object({
  rows: z.object({ rows: z.array(z.object({ name: z.string(), unit: z.string(), number: z.number() })) }),
});

const TRUCKS_DBC = `VERSION ""
BU_: X
BO_ 2364540158 EEC1: 8 X
 SG_ Rpm : 24|16@1+ (0.125,0) [0|8031.875] "rpm" X
BA_DEF_ "ProtocolType" STRING ;
BA_DEF_DEF_ "ProtocolType" "";
BA_ "ProtocolType" "J1939";
`;

/** Two seconds of engine speed from each of two control units, which begin at the turn of a second. */
function trucksLog(): string {
  return Array.from({ length: 400 }, (_, at) => {
    const [n, source] = [at >> 1, at & 1];
    const data = Buffer.alloc(8, 0xff);
    data.writeUInt16LE(8000 * (source + 1) + n, 3);
    const seconds = 1_767_225_600 + Math.floor(n / 100);
    const micros = String((n % 100) * 10_000).padStart(6, "0");
    return `(${seconds}.${micros}) can0 0CF0040${source}#${data.toString("hex").toUpperCase()}\n`;
  }).join("");
}

/** Whether it is the table of a campaign. */
function isOwn({ signals }: { readonly signals: readonly { readonly expression?: string | undefined }[] }): boolean {
  return signals.some(({ expression }) => expression !== undefined);
}

describe("campaigns of a running agent", () => {
  let folder: string;
  let vehicle: CampaignVehicle;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-campaigns-"));
    vehicle = await CampaignVehicle.start(folder, ["around", "killed", "stopped", "senders"]);
  });
  afterAll(async () => {
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  /** Starts the agent, and waits until it hears its buses and is online. */
  async function online(home: DaemonHome): Promise<Daemon> {
    const daemon = await startDaemon(home);
    await vehicle.until("the vehicle is online and hears its buses", async () => {
      const { link, buses } = await daemon.status();
      return link.state === "online" && buses.every(({ state }) => state === "up") ? true : undefined;
    });
    return daemon;
  }

  /** Waits until so many samples, rows or whatever `have` counts are delivered. */
  async function delivered(what: string, count: number, have: () => number): Promise<void> {
    await vehicle.until(`${count} ${what}`, () => (have() >= count ? true : undefined));
  }

  const countersOf = (thing: string, id?: string): readonly number[] =>
    vehicle
      .samples(thing, id)
      .filter(({ name }) => name.endsWith(".Counter"))
      .map(({ raw }) => Number(raw))
      .toSorted((left, right) => left - right);

  it("sends what was around a trigger on two buses, over a reconnect, in each form, whatever the rules of collection are meanwhile", async () => {
    const home = await vehicle.home(
      "around",
      {
        around: { ...AROUND, frames: [{ bus: "can1" }], send: { stream: "event" } },
        rows: { collect: [{ signals: "Body.Level", mode: "every", ms: 0 }], send: { form: "rows" } },
        json: { collect: [{ signals: "Body.Level", mode: "every", ms: 0 }], send: { form: "json" } },
      },
      (config) => {
        config.commands = { policyFile: "policy.yaml" };
      },
    );
    const policy = { schemaVersion: 1, classes: { R1: { signature: false } }, allow: [{ action: "collection.*" }] };
    writeFileSync(join(home.folder, "policy.yaml"), stringify(policy));
    const daemon = await online(home);
    const early = [...vehicle.send("can0", 10, 20), ...vehicle.send("can1", 10, 20)];
    await pass(1500);
    const before = [...vehicle.send("can0", 20, 100), ...vehicle.send("can1", 20, 100)];
    await vehicle.proxy.cut();
    const [fired] = vehicle.send("can0", 1500);
    const after = [...vehicle.send("can1", 30, 100), ...vehicle.send("can0", 30, 100)];
    await changeRules(home, [{ signals: "*", mode: "off" }]);
    await pass(1500);
    const late = [...vehicle.send("can0", 40, 20), ...vehicle.send("can1", 40, 20)];
    await vehicle.proxy.restore();
    const captured = [...before, fired, ...after];
    const levels = [...early, ...before, ...after, ...late].length / 2;
    await delivered("ends of a capture", 2, () => vehicle.triggers("around", "around").length);
    await delivered("samples of the capture", captured.length, () => countersOf("around", "around").length);
    await delivered("rows", levels, () => rowsOf("around").length);
    await delivered("rows in JSON", levels, () => inJson("around").length);

    expect(countersOf("around", "around")).toEqual(captured.map(({ counter }) => counter));
    const frames = vehicle.records("around").flatMap(({ body }) => (body.kind === "frames" ? body.frames : []));
    const ofBody = [...before.slice(100), ...after.slice(0, 100)];
    expect(frames.map(({ data }) => Buffer.from(data).readUInt16LE(2))).toEqual(ofBody.map(({ counter }) => counter));
    expect(vehicle.triggers("around", "around")).toMatchObject([
      { number: 1, phase: "begin", cause: { expression: "speed > 100.0", values: [{ name: "speed", value: 150 }] } },
      { number: 1, phase: "end", capture: { historyMs: 1000 }, counts: { frames: captured.length, framesLost: 0 } },
    ]);
    expect(missingSeqs("around")).toEqual([]);

    const rows = rowsOf("around");
    expect(rows).toHaveLength(levels);
    expect(inJson("around")).toEqual(rows.map(({ value }) => ["Body.Level", "%", value]));
    if (hasProtoc) expect(byProtoc("around")).toEqual(rows.map(({ value }) => value));
    expect((await daemon.child.stop(10_000)).code).toBe(0);
  });

  it("counts on in cells and triggers after a SIGKILL in the midst, sends nothing twice, and announces its table again", async () => {
    const home = await vehicle.home("killed", {
      killed: {
        inputs: { speed: "can0/Engine.Speed" },
        derived: [{ name: "double", unit: "km/h", expression: "speed * 2.0" }],
        trigger: { condition: "speed > 50.0", mode: "while", minIntervalMs: 0 },
        collect: [
          { signals: ["Engine.*", "double"], mode: "every", ms: 0 },
          { signals: "Engine.Speed", mode: "histogram", edges: [75, 100], by: "count" },
        ],
      },
    });
    const first = await online(home);
    vehicle.send("can0", 100, 10);
    vehicle.send("can0", 600, 50);
    await vehicle.until("samples of the first run", () => vehicle.samples("killed", "killed")[0]);
    const [toBeKilled] = vehicle.send("can0", 800, 50);
    await vehicle.until("a frame that may be lost with the process", async () => {
      const { buses } = await first.status();
      vehicle.send("can0", 900, 50);
      return buses[0].received > 110 ? true : undefined;
    });
    first.child.signal("SIGKILL");
    await first.child.ended;
    const second = await online(home);
    vehicle.send("can0", 100);
    const last = vehicle.send("can0", 1200, 50);
    vehicle.send("can0", 100, 20);
    const lastCounter = last.at(-1)?.counter ?? 0;
    await delivered("last sample", lastCounter, () => countersOf("killed", "killed").at(-1) ?? 0);
    await second.child.stop(10_000);
    removeCampaign(home, "killed");
    await online(home);
    await delivered("histogram", 1, () => histogramsOf("killed").length);

    const counters = countersOf("killed", "killed");
    expect(new Set(counters).size).toBe(counters.length);
    expect(counters[0]).toBeLessThan(toBeKilled.counter);
    expect(counters.slice(-50)).toEqual(last.map(({ counter }) => counter));
    const taken = vehicle.samples("killed", "killed");
    const speeds = taken.filter(({ name }) => name === "Engine.Speed").map(({ raw }) => Number(raw) / 10);
    const doubles = taken.filter(({ name }) => name === "double").map(({ raw }) => Number(raw));
    expect(doubles).toEqual(speeds.map((speed) => speed * 2));
    const below = speeds.filter((speed) => speed < 75).length;
    const above = speeds.filter((speed) => speed >= 100).length;
    expect(histogramsOf("killed")).toMatchObject([
      { by: "samples", cells: [below, speeds.length - below - above, above] },
    ]);
    const numbers = vehicle.triggers("killed", "killed").map(({ number, phase }) => `${phase} ${number}`);
    expect(numbers).toEqual(["begin 1", "begin 2", "end 2"]);
    const own = vehicle.records("killed").filter(({ body }) => body.kind === "table" && isOwn(body));
    expect(own).toHaveLength(2);
    expect(missingSeqs("killed")).toEqual([]);
  });

  it("has history from before an orderly stop, says so, and goes on without it where it is damaged", async () => {
    const stopped = { ...AROUND, trigger: { ...AROUND.trigger, beforeMs: 60_000, afterMs: 0 } };
    const home = await vehicle.home("stopped", { stopped }, (config) => {
      config.campaigns = { history: { keepSeconds: 60 } };
    });
    const kept = join(home.folder, "state", "history.bin");
    const first = await online(home);
    const before = [...vehicle.send("can0", 10, 100), ...vehicle.send("can1", 10, 100)];
    await vehicle.until("all frames are received", async () => {
      const received = (await first.status()).buses.reduce((sum, bus) => sum + bus.received, 0);
      return received === before.length ? true : undefined;
    });
    await first.child.stop(10_000);
    expect(existsSync(kept)).toBe(true);

    const second = await online(home);
    expect(second.lines.filter((line) => line.includes("history.resumed"))).toHaveLength(1);
    const [fired] = vehicle.send("can0", 1500);
    const [end] = await ends("stopped", 1);
    expect(end.capture).toMatchObject({ spansStop: true, clockStepped: false });
    expect(end.counts.frames).toBe(before.length + 1);
    await delivered("samples", before.length + 1, () => countersOf("stopped", "stopped").length);
    expect(countersOf("stopped", "stopped")).toEqual([...before, fired].map(({ counter }) => counter));
    await second.child.stop(10_000);

    truncateSync(kept, readFileSync(kept).length - 1);
    const third = await online(home);
    expect(third.lines.filter((line) => line.includes("history.unusable"))).toHaveLength(1);
    const [again] = [...vehicle.send("can0", 1500), ...vehicle.send("can0", 10)];
    const [, newer] = await ends("stopped", 2);
    expect(newer).toMatchObject({ number: 2, capture: { spansStop: false }, counts: { frames: 1, framesLost: 0 } });
    await delivered("samples", before.length + 2, () => countersOf("stopped", "stopped").length);
    expect(countersOf("stopped", "stopped").slice(-2)).toEqual([fired.counter, again.counter]);
  });

  it("keeps J1939 senders apart in columns, and does not guess whom an input means", async () => {
    const mean = { signals: "EEC1.Rpm", mode: "aggregate", of: ["mean"], over: { windowMs: 1000 } };
    const every = { signals: "EEC1.Rpm", mode: "every", ms: 0 };
    const home = await vehicle.home(
      "senders",
      {
        each: { collect: [every] },
        mean: { collect: [mean] },
        picked: {
          inputs: { rpm: "can0/EEC1@0x0CF00401.Rpm" },
          trigger: { condition: "rpm > 0.0", mode: "while" },
          collect: [every],
        },
        several: { inputs: { rpm: "EEC1.Rpm" }, trigger: { condition: "rpm > 0.0", mode: "while" }, collect: [every] },
      },
      (config) => {
        config.buses = [{ name: "can0", driver: "replay", file: "trucks.log", speed: 0 }];
        config.dbc = [{ file: "trucks.dbc" }];
      },
    );
    writeFileSync(join(home.folder, "trucks.dbc"), TRUCKS_DBC);
    writeFileSync(join(home.folder, "trucks.log"), trucksLog());
    const daemon = await startDaemon(home);
    await vehicle.until("the log is played, and delivered", async () => {
      const { buses, outbox, collected } = await daemon.status();
      return buses[0].decoded === 400 && collected.samples > 800 && outbox.records === 0 ? true : undefined;
    });
    const rpmsOf = (id: string, source: number): readonly number[] =>
      vehicle
        .samples("senders", id)
        .filter((sample) => sample.source === source)
        .map(({ raw }) => Number(raw));
    const sentBy = (source: number): readonly number[] =>
      Array.from({ length: 200 }, (_, n) => 8000 * (source + 1) + n);
    await vehicle.until("both windows are over", () =>
      vehicle.samples("senders", "mean").length === 4 ? true : undefined,
    );
    for (const source of [0, 1]) {
      expect(rpmsOf("each", source)).toEqual(sentBy(source));
      // 100 frames of 10 ms in each window, at 0.125 rpm.
      expect(rpmsOf("mean", source)).toEqual([49.5, 149.5].map((middle) => (8000 * (source + 1) + middle) / 8));
    }
    // Until the second sends, the name means the first.
    expect(vehicle.triggers("senders", "several")).toMatchObject([{ phase: "begin" }, { phase: "end" }]);
    expect(rpmsOf("several", 0)).toEqual([8000]);
    expect(rpmsOf("several", 1)).toEqual([]);
    // Long ago, but the time of the log is what counts.
    await delivered("triggers", 2, () => vehicle.triggers("senders", "picked").length);
    expect(vehicle.triggers("senders", "picked")).toMatchObject([{ phase: "begin" }, { phase: "end" }]);
    expect(rpmsOf("picked", 1)).toEqual(sentBy(1));
  });

  /** The ends of triggers, once there are so many. */
  async function ends(thing: string, count: number) {
    return await vehicle.until(`end ${count} of a capture`, () => {
      const found = vehicle.triggers(thing, thing).filter(({ phase }) => phase === "end");
      return found.length === count ? found : undefined;
    });
  }

  /** Lets wall time pass that what is tested depends on. */
  async function pass(ms: number): Promise<void> {
    const end = Date.now() + ms;
    await vehicle.until("time has passed", () => (Date.now() >= end ? true : undefined));
  }

  async function changeRules(home: DaemonHome, rules: readonly object[]): Promise<void> {
    const file = join(home.folder, "change.json");
    const times = { issuedAtMs: Date.now(), timeoutMs: 60_000 };
    const request = { schemaVersion: 1, action: "collection.change", arguments: { rules }, ...times };
    writeFileSync(file, JSON.stringify(request));
    const { code, stdout } = await runProgram(["commands", "run", file, "--config", home.config]);
    expect(stdout).toContain("SUCCEEDED");
    expect(code).toBe(0);
  }

  const rowsOf = (thing: string): readonly RecordRow[] =>
    vehicle.records(thing).flatMap(({ body }) => (body.kind === "rows" ? body.rows : []));

  const histogramsOf = (thing: string): readonly RecordHistogram[] =>
    vehicle.records(thing).flatMap(({ body }) => (body.kind === "histograms" ? body.histograms : []));

  /** Name, unit and value of each row of the records in JSON. */
  function inJson(thing: string): readonly (readonly [string, string, number])[] {
    return vehicle
      .delivered(thing)
      .filter(({ contentType }) => contentType === "application/json")
      .flatMap(({ payload }) => jsonRows.parse(JSON.parse(Buffer.from(payload).toString())).rows.rows)
      .map(({ name, unit, number }) => [name, unit, number]);
  }

  /** Values of all records of rows, as protoc reads them with nothing but the descriptor. */
  function byProtoc(thing: string): readonly number[] {
    return vehicle
      .delivered(thing)
      .filter(({ contentType }) => contentType !== "application/json")
      .flatMap(({ payload }) => {
        const decode = [`--descriptor_set_in=${DESCRIPTOR}`, "--decode=causeway.v1.Record"];
        const { status, stdout } = spawnSync("protoc", decode, { input: payload, encoding: "utf8" });
        // What is compressed is no Record for it.
        if (status !== 0 || !stdout.includes("\nrows {")) return [];
        return [...stdout.matchAll(/^ {4}number: (.*)$/gm)].map(([, number]) => Number(number));
      });
  }

  /** What lacks among the numbers of each stream, as "stream/seq". */
  function missingSeqs(thing: string): readonly string[] {
    return STREAMS.flatMap((stream) => {
      const seqs = new Set(
        vehicle
          .delivered(thing)
          .filter((one) => one.stream === stream)
          .map(({ seq }) => seq),
      );
      return Array.from({ length: Math.max(0, ...seqs) }, (_, at) => at + 1).flatMap((seq) =>
        seqs.has(seq) ? [] : [`${stream}/${seq}`],
      );
    });
  }
});

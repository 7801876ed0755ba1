import { describe, expect, it } from "vitest";
import { composeCampaigns } from "../../../agent/daemon/compose-campaigns.ts";
import { NO_FILES } from "../../../agent/daemon/configuration/campaign-files.ts";
import type { CanFrame } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { LatestSignals } from "../../../agent/signals/latest-signals.ts";
import { WantedSignals } from "../../../agent/signals/wanted-signals.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Collector } from "../../../agent/telemetry/collect/collector.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import { agentConfig, type CollectRule } from "../../../config/schema.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";
import { FakeCanBus } from "../../fakes/ports/can-bus.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";

const { collect, campaigns, buses: busList } = agentConfig.shape;
const T0 = 1_767_225_600_000_000;

/** The line from two buses to the outbox, of which the second has no DBC file; messages M0 (0x100: A, B), M1 (0x101: C) and M2 (0x102: D). */
async function lineOf(rules: readonly CollectRule[]) {
  const message = (id: number, name: string, ...signals: readonly string[]): string =>
    `BO_ ${id} ${name}: 8 X\n${signals.map((signal, at) => ` SG_ ${signal} : ${at * 8}|8@1+ (1,0) [0|0] "" X\n`).join("")}`;
  const text = message(0x100, "M0", "A", "B") + message(0x101, "M1", "C") + message(0x102, "M2", "D");
  const table = createSignalTable([{ bus: "can0", database: parseDbc(text).database }]);
  const clock = new ManualClock({ wallUs: T0 });
  const outbox = new FakeOutbox({ clock, maxBytes: 10_000_000 });
  const encoder = encoderOf(table);
  const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes: 1_000_000, wake: () => undefined });
  const collector = new Collector(table);
  const wanted = new WantedSignals(table);
  const buses = ["can0", "can1"].map((name) => ({ bus: new FakeCanBus(name), state: "up" as const, detail: "" }));
  for (const { bus } of buses) wanted.attach(bus);
  const config = {
    collect: collect.parse({ rules }),
    campaigns: campaigns.parse({}),
    stateDir: "/nowhere",
    buses: busList.parse(buses.map(({ bus }) => ({ name: bus.name, driver: "replay", file: "/none.log" }))),
  };
  const found = { files: NO_FILES, set: NO_FILES };
  const given = { config, wanted, collector, encoder, appender, outbox, buses, found };
  const line = composeCampaigns(given, { clock, log: new MemoryLog(), broker: new FakeBroker({ clock }) });
  const parts = { table, collector, campaigns: line.set, encoder, appender, clock };
  const pipeline = new Pipeline({ ...parts, takers: {}, batchMs: 250 });
  for (const { bus } of buses) await bus.start(pipeline.sinkFor(bus));
  const signals = new LatestSignals(table, collector.latest, (who, held) => wanted.holdSignals(who, held));
  let us = 0;
  const frame = (id: number): CanFrame => ({ id, flags: 0, data: Uint8Array.of(us, us + 1), receivedAtUs: T0 + us });
  const deliver = (): void => {
    us += 1;
    for (const { bus } of buses) bus.deliver([0x100, 0x101, 0x102, 0x7ff].map(frame));
  };
  const seen = () => pipeline.latest().map(({ signal, raw }) => `${signal.name}=${raw}`);
  const counts = (bus: string) => pipeline.counters().buses.get(bus);
  return { table, wanted, buses, signals, deliver, seen, counts, control: line.control };
}

describe("composeCampaigns", () => {
  it("receives and decodes everything with the default settings, and every frame of a bus without a DBC file", async () => {
    const { table, buses, deliver, seen, counts, wanted } = await lineOf([]);
    expect(buses.map(({ bus }) => bus.filterLists)).toEqual([[table.bus("can0").filters], [table.bus("can1").filters]]);
    deliver();
    expect(seen()).toEqual(["A=1", "B=2", "C=1", "D=1"]);
    expect(counts("can0")).toMatchObject({ decoded: 3, unknown: 0, unwanted: 0 });
    expect(counts("can1")).toMatchObject({ decoded: 0, unknown: 4, unwanted: 0 });
    expect(wanted.hasNarrowed("can0")).toBe(false);
  });

  it("neither receives nor decodes what no campaign wants, until somebody holds it", async () => {
    const { buses, deliver, seen, counts, signals, wanted } = await lineOf([
      { signals: "M0.B", mode: "off" },
      { signals: "M1.*", mode: "off" },
    ]);
    deliver();
    expect(seen()).toEqual(["A=1", "D=1"]);
    expect(buses[0].bus.counters().received).toBe(2);
    expect(wanted.hasNarrowed("can0")).toBe(true);
    const release = signals.hold("signals.read", signals.matching(["M0.B", "M1.C"]));
    deliver();
    expect(seen()).toEqual(["A=2", "B=3", "C=2", "D=2"]);
    release();
    deliver();
    expect(seen()).toEqual(["A=3", "B=3", "C=2", "D=3"]);
    expect(counts("can0")).toMatchObject({ decoded: 2 + 3 + 2, unknown: 0, unwanted: 0 });
  });

  it("counts apart what comes for somebody who takes frames as they are", async () => {
    const { deliver, seen, counts, wanted } = await lineOf([{ signals: "M1.*", mode: "off" }]);
    const release = wanted.hold("capture", wanted.everyFrame("can0"));
    deliver();
    expect(seen()).toEqual(["A=1", "B=2", "D=1"]);
    expect(counts("can0")).toMatchObject({ decoded: 2, unknown: 1, unwanted: 1 });
    release();
    deliver();
    expect(counts("can0")).toMatchObject({ decoded: 4, unknown: 1, unwanted: 1 });
  });

  it("follows the rules as they change, in one change of the filters", async () => {
    const { buses, deliver, seen, control } = await lineOf([]);
    control.useRules([{ signals: "M0.*", mode: "off" }]);
    deliver();
    expect(seen()).toEqual(["C=1", "D=1"]);
    expect(buses[0].bus.filterLists).toHaveLength(2);
    control.useRules([]);
    deliver();
    expect(seen()).toEqual(["A=2", "B=3", "C=2", "D=2"]);
    expect(buses[0].bus.filterLists).toHaveLength(3);
    expect(buses[1].bus.filterLists).toHaveLength(1);
  });
});

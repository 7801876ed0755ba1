import { afterEach, describe, expect, it } from "vitest";
import { RequestClient } from "../../../../agent/cloud/request-client.ts";
import { decodeBody, encodeBody } from "../../../../agent/cloud/wire-format.ts";
import { DefenderSender } from "../../../../agent/metrics/defender/defender-sender.ts";
import { ReportMaker } from "../../../../agent/metrics/defender/report-maker.ts";
import { ReportMemory } from "../../../../agent/metrics/defender/report-memory.ts";
import type { NetworkReading } from "../../../../agent/ports/network-state.ts";
import { readDefenderReport } from "../../../bench/cloud/defender-report.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeBroker } from "../../../fakes/ports/broker.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const TOPIC = "$aws/things/veh-1/defender/metrics/cbor";
const MINUTE_MS = 60_000;
const ends: (() => Promise<void>)[] = [];

type Answer = "accepted" | "silent" | { readonly code: string };

function rig({
  journal,
  intervalMs = 10 * MINUTE_MS,
}: {
  readonly journal?: FakeJournal;
  readonly intervalMs?: number;
} = {}) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const broker = new FakeBroker({ clock });
  const answers: Answer[] = [];
  const at: number[] = [];
  let bytesIn = 0;
  const network = {
    read: async (): Promise<NetworkReading> => {
      bytesIn += 100;
      const interfaces = [
        { name: "wwan0", bytesIn, packetsIn: 0, bytesOut: 0, packetsOut: 0 },
        { name: "eth0", bytesIn: bytesIn * 1000, packetsIn: 0, bytesOut: 0, packetsOut: 0 },
      ];
      return { connections: [], tcpPorts: [], udpPorts: [], interfaces, unread: 2 };
    },
  };
  const bodies: unknown[] = [];
  broker.answer = ({ topic, payload }) => {
    if (topic !== TOPIC) return { kind: "acked" };
    at.push(clock.monotonicMs());
    const body = readDefenderReport(decodeBody("cbor", payload));
    bodies.push(body);
    const reportId = "header" in body ? body.header.report_id : 0;
    const answer = answers.shift() ?? "accepted";
    const reply = { thingName: "veh-1", reportId, timestamp: 1 };
    if (answer === "accepted") broker.inject(`${TOPIC}/accepted`, encodeBody("cbor", { ...reply, status: "ACCEPTED" }));
    else if (answer !== "silent") {
      const statusDetails = { ErrorCode: answer.code, ErrorMessage: "no" };
      broker.inject(`${TOPIC}/rejected`, encodeBody("cbor", { ...reply, status: "REJECTED", statusDetails }));
    }
    return { kind: "acked" };
  };
  const memory = new ReportMemory({ journal, clock, log });
  const limits = { timeoutMs: 30_000, maxPending: 2, maxAnswerBytes: 16_384 };
  const settings = { names: "short", maxListed: 5, interfaces: ["wwan0"], custom: ["causeway_x"] } as const;
  const sender = new DefenderSender({
    place: { thing: "veh-1", format: "cbor", intervalMs },
    maker: new ReportMaker({ network, readMetrics: async () => [], memory, settings }),
    memory,
    requestClient: new RequestClient({ broker, clock, log, limits, token: () => "t" }),
    broker,
    clock,
    log,
    random: () => 0.5,
  });
  const stopping = new AbortController();
  const begin = (): void => {
    broker.start();
    const running = sender.run(stopping.signal);
    ends.push(async () => {
      stopping.abort();
      await running;
      expect(clock.waiting()).toBe(0);
    });
  };
  return { clock, log, broker, answers, at, bodies, sender, begin };
}

describe("DefenderSender", () => {
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  it("sends a report an interval, the first within a minute, each with what went over the interfaces that count", async () => {
    const { clock, at, bodies, sender, begin } = rig();
    begin();
    const startMs = clock.monotonicMs();
    await clock.run(21 * MINUTE_MS);
    expect(at.map((ms) => Math.round((ms - startMs) / 1000))).toEqual([30, 630, 1230]);
    expect(bodies[0]).not.toHaveProperty("metrics.network_stats");
    expect(bodies.slice(1)).toMatchObject([
      { metrics: { network_stats: { bytes_in: 100 } } },
      { metrics: { network_stats: { bytes_in: 100 } } },
    ]);
    expect(sender.counters()).toMatchObject({ accepted: 3, rejected: 0, unanswered: 0, unreadLines: 2 });
  });

  it("says once what is refused, slows down, and counts on from the last report that was not", async () => {
    const { clock, log, answers, at, bodies, sender, begin } = rig();
    answers.push("accepted", { code: "Throttled" }, { code: "Throttled" }, "accepted", "accepted");
    begin();
    const startMs = clock.monotonicMs();
    await clock.run(81 * MINUTE_MS);
    expect(at.map((ms) => Math.round((ms - startMs) / MINUTE_MS))).toEqual([1, 11, 31, 71, 81]);
    expect(log.of("defender.refused")).toHaveLength(1);
    expect(log.of("defender.metrics-unknown")).toHaveLength(1);
    expect(bodies.slice(1)).toMatchObject(
      [100, 200, 300, 100].map((bytes) => {
        return { metrics: { network_stats: { bytes_in: bytes } } };
      }),
    );
    expect(sender.counters()).toMatchObject({ accepted: 3, rejected: 2 });
    expect(sender.counters().fault).toBeUndefined();
  });

  it("makes none while there is no link, and one when it is back", async () => {
    const { clock, broker, at, bodies, begin } = rig();
    begin();
    await clock.run(MINUTE_MS);
    broker.disconnect();
    await clock.run(600 * MINUTE_MS);
    expect(at).toHaveLength(1);
    broker.connect();
    await clock.run(1000);
    expect(bodies[1]).toMatchObject({ metrics: { network_stats: { bytes_in: 100 } } });
    expect(at).toHaveLength(2);
  });

  it("asks again after five minutes where nobody answers, once, and takes no late answer for that of the next", async () => {
    const { clock, answers, at, sender, begin } = rig();
    answers.push("silent", "silent");
    begin();
    const startMs = clock.monotonicMs();
    await clock.run(18 * MINUTE_MS);
    expect(at.map((ms) => Math.round((ms - startMs) / 1000))).toEqual([30, 360, 990]);
    expect(sender.counters()).toMatchObject({ accepted: 1, unanswered: 2 });
  });

  it("waits after a restart until the service takes the next", async () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    const first = rig({ journal });
    first.begin();
    await first.clock.run(MINUTE_MS);
    const second = rig({ journal });
    second.begin();
    const startMs = second.clock.monotonicMs();
    // Half a minute after the last report.
    second.clock.stepWall(MINUTE_MS * 1000);
    await second.clock.run(10 * MINUTE_MS);
    expect(second.at.map((ms) => Math.round((ms - startMs) / 1000))).toEqual([300]);
  });
});

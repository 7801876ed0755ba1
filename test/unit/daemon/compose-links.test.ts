import { describe, expect, it } from "vitest";
import { composeLinks, type LinksComposeParts } from "../../../agent/daemon/compose-links.ts";
import { MetricBook } from "../../../agent/daemon/metric-book.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import type { MessageEntry } from "../../../agent/signals/signal-entry.ts";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { linkTable } from "../../../agent/vehicle/link/link-table.ts";
import { linkConfig } from "../../../config/link.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { createPublisherBench, draft, times } from "../../fakes/telemetry/publisher.ts";
import { encoderOf, idOf } from "../../fakes/telemetry/samples.ts";

const DAY_MS = 86_400_000;
const reader = createRecordReader(readDescriptor());

/** A publisher with links, whose way to the broker is the loopback of this machine. */
function rig(settings: object, towards: LinksComposeParts["towards"] = { host: "127.0.0.1", port: 8883 }) {
  const bench = createPublisherBench();
  const { clock, log, outbox, publisher } = bench;
  const table = createSignalTable([linkTable("test")]);
  const encoder = encoderOf(table);
  const told: EncodedDraft[] = [];
  const taken: string[] = [];
  const watched: string[] = [];
  const takePdu = ({ firstSignal }: MessageEntry, [value]: Uint8Array): void =>
    void taken.push(`${table.signals[firstSignal].name} ${value}`);
  const line = composeLinks(
    {
      settings: linkConfig.parse(settings),
      towards,
      systemBus: async () => ({
        watch: ({ service }) => {
          watched.push(service);
          return () => undefined;
        },
        call: async () => [],
        properties: async () => ({}),
      }),
      line: { outbox, publisher, pipeline: { takePdu } },
      shared: { encoder, appender: { add: (one) => void told.push(one), storeSoon: () => undefined } },
      table,
    },
    {
      version: "0.1.0",
      clock,
      environment: {},
      startedAtMs: 0,
      bootId: "00112233445566778899aabbccddeeff",
      random: () => 0.5,
      metrics: new MetricBook(),
      log,
    },
  );
  const start = async (): Promise<void> => {
    for (const service of line.services) await service.start();
    await bench.start();
  };
  const stop = async (): Promise<void> => {
    await bench.stop();
    for (const service of line.services.toReversed()) await Promise.all([service.stop(), clock.run(0)]);
  };
  return { ...bench, line, told, taken, watched, start, stop };
}

describe("the links of an agent", () => {
  it("hold what is over the budget of the link in use, say so, and tell the day when it is over", async () => {
    const settings = { budgets: [{ link: "lo", use: ["capture"], dayBytes: 100_000 }], lookSeconds: 300 };
    const { line, append, outbox, broker, ids, clock, told, start, stop } = rig(settings);
    append(...times(20, () => draft("capture", { seal: () => new Uint8Array(10_000) })), draft("telemetry"));
    await start();
    await clock.run(5000);
    expect(ids().filter((id) => id.startsWith("capture"))).toHaveLength(9);
    expect(ids()).toContain("telemetry-1");
    const status = line.status();
    expect(status).toMatchObject({
      inUse: { name: "lo", isMetered: false, cost: "free" },
      held: [{ use: "capture", bytes: 110_000, what: "day budget of lo used", until: "2026-01-02T00:00:00Z" }],
    });
    expect(status.budgets[0].dayUsedBytes).toBeLessThanOrEqual(100_000);
    clock.stepWall(DAY_MS * 1000);
    await clock.run(2000);
    expect(ids().filter((id) => id.startsWith("capture"))).toHaveLength(18);
    const [ended] = broker.publications.filter(({ topic }) => topic.endsWith("/event"));
    expect(reader.decode(ended.payload).body).toMatchObject({
      kind: "data-usage",
      day: Date.UTC(2026, 0, 1) / DAY_MS,
      usage: [
        { link: "lo", use: "telemetry" },
        { link: "lo", use: "capture", dayBytes: status.budgets[0].dayUsedBytes },
      ],
    });
    expect(told.map((one) => reader.decode(one.seal(idOf(1, "event"))).body)).toMatchObject([
      { kind: "link-change", link: "lo", reason: "start" },
    ]);
    await stop();
    expect(outbox.kept().map(({ key }) => key)).toEqual(["data-usage"]);
  });

  it("start within half a second where the resolver does not answer, and look again when the broker is reached", async () => {
    const answers: ((addresses: readonly string[]) => void)[] = [];
    const resolve = () => new Promise<readonly string[]>((done) => void answers.push(done));
    const settings = { budgets: [{ link: "lo", use: ["capture"], dayBytes: 100_000 }], lookSeconds: 300 };
    const { line, append, ids, clock, start, stop } = rig(settings, { host: "broker.example", port: 8883, resolve });
    append(draft("capture"), draft("telemetry"));
    let isStarted = false;
    const starting = start().then(() => {
      isStarted = true;
    });
    await clock.run(400);
    expect(isStarted).toBe(false);
    await clock.run(200);
    await starting;
    await clock.run(2000);
    expect(ids()).toEqual(["telemetry-1"]);
    expect(line.status()).toMatchObject({ held: [{ use: "capture", what: "not known yet which link is in use" }] });
    expect(answers).toHaveLength(2);
    answers[1](["127.0.0.1"]);
    await expect.poll(() => line.links.inUse?.name).toBe("lo");
    await clock.run(2000);
    expect(ids()).toEqual(["telemetry-1", "capture-1"]);
    await stop();
  });

  it("ask over the bus that all share", async () => {
    const { watched, start, stop } = rig({ networkManager: true, modemManager: {} });
    await start();
    expect(new Set(watched)).toEqual(new Set(["org.freedesktop.ModemManager1", "org.freedesktop.NetworkManager"]));
    await stop();
  });

  it("count nothing without budgets, and give campaigns the link in use", async () => {
    const { line, append, outbox, ids, clock, taken, start, stop } = rig({ interfaces: { lo: { metered: true } } });
    append(draft("capture"));
    await start();
    await clock.run(6000);
    expect(ids()).toEqual(["capture-1"]);
    expect(taken).toEqual(["metered 1", "cost 2"]);
    expect(line.status()).toMatchObject({ inUse: { isMetered: true, cost: "high" }, budgets: [], held: [] });
    expect(line.links.isMetered("lo")).toBe(true);
    await stop();
    expect(outbox.kept()).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import type { KeptValue, RecordDraft, RecordId, StreamName } from "../../../agent/ports/outbox.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { draftOf, keptOf, seqsOf } from "../../contract/outbox-subject.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";

const GONE = new AgentError("outbox.unavailable", { what: "disk I/O error", remedy: "look at the disk" });

/** An outbox that refuses while `isGone`, and remembers what each append brought as "streams | keys". */
class WatchedOutbox extends FakeOutbox {
  isGone = false;
  readonly appends: string[] = [];

  /** Passes while it stores. */
  storeMs = 0;
  #pass: (ms: number) => void;

  constructor(parts: { readonly clock: ManualClock; readonly maxBytes: number }) {
    super(parts);
    this.#pass = (ms) => parts.clock.advance(ms);
  }

  override append(
    drafts: readonly RecordDraft[],
    kept: readonly KeptValue[] = [],
    delivered?: readonly number[],
  ): readonly RecordId[] {
    this.#pass(this.storeMs);
    if (this.isGone) throw GONE;
    const ids = super.append(drafts, kept, delivered);
    const values = kept.map(({ key, value }) => `${key}=${[...(value ?? [])].join(".")}`);
    this.appends.push(`${drafts.map(({ stream }) => stream).join()} | ${values.join()}`);
    return ids;
  }
}

function bench(maxBytes = 10_000, holdBytes = 1000) {
  const clock = new ManualClock();
  const outbox = new WatchedOutbox({ clock, maxBytes });
  const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes, wake: () => undefined });
  return { outbox, appender };
}

function draft(stream: StreamName, bytes: number, kept?: readonly KeptValue[]): EncodedDraft {
  const own = kept === undefined ? {} : { kept };
  return { ...draftOf(stream, bytes), samples: 1, bodyBytes: bytes, ...own };
}

function cells(value: number, key = "a"): KeptValue {
  return { key, value: Uint8Array.of(value) };
}

describe("Appender with records that were delivered", () => {
  it("has them forgotten with what it stores, once it is stored", () => {
    const clock = new ManualClock();
    const outbox = new WatchedOutbox({ clock, maxBytes: 10_000 });
    const done: string[] = [];
    let rows: readonly number[] = [];
    const delivered = () =>
      rows.length === 0 ? undefined : { rows, kept: [cells(7, "spent")], done: () => void done.push(rows.join()) };
    const appender = new Appender({
      outbox,
      clock,
      log: new MemoryLog(),
      holdBytes: 1000,
      wake: () => undefined,
      delivered,
    });
    appender.add(draft("event", 10));
    appender.store();
    rows = [1];
    appender.add(draft("event", 10));
    outbox.isGone = true;
    appender.store();
    expect(done).toEqual([]);
    outbox.isGone = false;
    appender.store();
    expect(done).toEqual(["1"]);
    expect(outbox.appends).toEqual(["event | ", "event | spent=7"]);
    expect(seqsOf(outbox, "event")).toEqual([2]);
  });
});

describe("Appender with kept values", () => {
  it("stores them in the transaction of the drafts that they came with, and once", () => {
    const { outbox, appender } = bench();
    appender.addTogether([draft("telemetry", 10), draft("event", 10)], [cells(1)]);
    appender.store();
    appender.add(draft("telemetry", 10));
    appender.store();
    expect(outbox.appends).toEqual(["event,telemetry | a=1", "telemetry | "]);
  });

  it("stores them without a draft too, the newest of a key alone", () => {
    const { outbox, appender } = bench();
    appender.addTogether([], [cells(1), cells(5, "b")]);
    appender.addTogether([], [cells(2)]);
    appender.store();
    appender.store();
    expect(outbox.appends).toEqual([" | a=2,b=5"]);
  });

  it("lets none of a flush go alone that the bound on memory hurries to the outbox", () => {
    const { outbox, appender } = bench();
    appender.addTogether([draft("telemetry", 600), draft("telemetry", 600)], [cells(1)]);
    expect(outbox.appends).toEqual(["telemetry,telemetry | a=1"]);
  });

  it("keeps them while the disk is away, and then stores them with what waited", () => {
    const { outbox, appender } = bench();
    outbox.isGone = true;
    appender.addTogether([draft("telemetry", 10)], [cells(1)]);
    appender.store();
    appender.addTogether([draft("telemetry", 10)], [cells(2)]);
    appender.store();
    outbox.isGone = false;
    appender.store();
    expect(outbox.appends).toEqual(["telemetry | ", "telemetry | a=2"]);
    expect(seqsOf(outbox, "telemetry")).toEqual([1, 2]);
  });

  it("stores them with the last piece when the outbox is too full for all at once, never before", () => {
    const { outbox, appender } = bench(1000);
    outbox.append([draftOf("control", 600)]);
    appender.addTogether([draft("telemetry", 200), draft("event", 300)], [cells(1)]);
    appender.store();
    expect(outbox.appends.slice(1)).toEqual(["event | "]);
    expect(outbox.kept()).toEqual([]);
    outbox.ack([1]);
    appender.store();
    expect(outbox.appends.slice(2)).toEqual(["telemetry | a=1"]);
  });

  it("stores what a draft itself keeps with that draft, in pieces too", () => {
    const { outbox, appender } = bench(1000);
    outbox.append([draftOf("control", 600)]);
    const report = draft("event", 100, [cells(0)]);
    appender.addTogether([draft("telemetry", 300), report, draft("event", 100)], [cells(3), cells(4, "b")]);
    appender.store();
    expect(outbox.appends.slice(1)).toEqual(["event | a=0", "event | "]);
    expect(keptOf(outbox)).toEqual([["a", [0]]]);
    outbox.ack([1]);
    appender.store();
    expect(keptOf(outbox)).toEqual([
      ["a", [3]],
      ["b", [4]],
    ]);
  });

  it("gives up a draft that keeps something after the others of its class", () => {
    const { outbox, appender } = bench(10_000, 250);
    outbox.isGone = true;
    appender.addTogether([draft("telemetry", 100, [cells(0)]), draft("telemetry", 100)], [cells(1)]);
    appender.store();
    appender.add(draft("telemetry", 101));
    outbox.isGone = false;
    appender.store();
    expect(outbox.appends).toEqual(["telemetry | a=0", "telemetry | a=1"]);
    expect(appender.counters()).toMatchObject({ records: 2, discardedRecords: 1 });
  });

  it("keeps at the end what the outbox takes without the drafts, but of a lost report what was there before", () => {
    const { outbox, appender } = bench(1000);
    outbox.append([draftOf("control", 900)], [cells(7), cells(8, "b")]);
    appender.addTogether([draft("telemetry", 300, [cells(0)]), draft("telemetry", 300)], [cells(1), cells(9, "b")]);
    appender.store();
    appender.abandon();
    expect(keptOf(outbox)).toEqual([
      ["a", [7]],
      ["b", [9]],
    ]);
    expect(appender.counters().discardedRecords).toBe(2);
  });
});

describe("the times of stores", () => {
  it("are of each batch that the outbox took", () => {
    const { outbox, appender } = bench();
    outbox.storeMs = 30;
    appender.addTogether([draft("telemetry", 10), draft("event", 10)], []);
    appender.store();
    outbox.isGone = true;
    appender.add(draft("telemetry", 10));
    appender.store();
    const samples = appender.storeTimes.samples({});
    expect(samples.find(({ of, value }) => of === "bucket" && value > 0)?.labels.le).toBe("0.05");
    expect(samples.slice(-2)).toEqual([
      { labels: {}, value: 0.03, of: "sum" },
      { labels: {}, value: 1, of: "count" },
    ]);
  });
});

describe("what a draft is told of its record", () => {
  function hand(appender: Appender, bytes: number): number[] {
    const stored: number[] = [];
    appender.add({ ...draft("event", bytes), stored: (payloadBytes) => void stored.push(payloadBytes) });
    return stored;
  }

  it("is the length of the payload as it is stored, once", () => {
    const { outbox, appender } = bench();
    const told = [10, 400, 100].map((bytes) => hand(appender, bytes));
    expect(told).toEqual([[], [], []]);
    appender.store();
    appender.store();
    expect(told.flat()).toEqual([10, 400, 100]);
    expect(told.flat()).toEqual(outbox.list("event", 10).map(({ bytes }) => bytes));
  });

  it("is nothing while the outbox refuses it, and nothing of a record that is given up", () => {
    const { outbox, appender } = bench();
    outbox.isGone = true;
    const told = [400, 401, 402, 403].map((bytes) => hand(appender, bytes));
    appender.store();
    expect(told.flat()).toEqual([]);
    outbox.isGone = false;
    appender.store();
    expect(told).toEqual([[], [], [402], [403]]);
    expect(appender.counters()).toMatchObject({ discardedRecords: 2, payloadBytes: 805 });
  });
});

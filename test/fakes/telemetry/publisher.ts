import { createTopics } from "../../../agent/cloud/topics.ts";
import type { Publication, PublishOutcome } from "../../../agent/ports/broker.ts";
import type { KeptValue, RecordDraft, StreamName } from "../../../agent/ports/outbox.ts";
import { Publisher, type PublisherSettings } from "../../../agent/telemetry/publish/publisher.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { FakeBroker } from "../ports/broker.ts";
import { FakeOutbox } from "../ports/outbox.ts";

/** The templates of the configuration as they are by default. */
export const TEMPLATES = {
  record: "dt/causeway/{thing}/{stream}",
  schema: "dt/causeway/{thing}/schema/{id}",
  presence: "dt/causeway/{thing}/presence",
  identity: "dt/causeway/{thing}/identity",
};

/** A record draft of one byte, its seq. */
export function draft(stream: StreamName, over: Partial<RecordDraft> = {}): RecordDraft {
  return {
    stream,
    encoding: "zstd",
    timeQuality: "ntp",
    lifeMs: undefined,
    retainKey: undefined,
    seal: ({ seq }) => Uint8Array.of(seq),
    ...over,
  };
}

/** An outbox that remembers its acknowledgements. */
class WatchedOutbox extends FakeOutbox {
  readonly acks: (readonly number[])[] = [];

  override ack(rows: readonly number[], kept: readonly KeptValue[] = []): void {
    super.ack(rows, kept);
    this.acks.push([...rows]);
  }
}

/** A publisher between an outbox and a broker in memory, on a clock that moves when told to. `start` and `stop` run its loop. */
export function createPublisherBench(settings: Partial<PublisherSettings> = {}, { maxBytes = 256_000_000 } = {}) {
  const clock = new ManualClock({ monotonicMs: 5000 });
  const log = new MemoryLog();
  const outbox = new WatchedOutbox({ clock, maxBytes });
  const broker = new FakeBroker({ clock });
  const publisher = new Publisher({
    outbox,
    broker,
    topics: createTopics(TEMPLATES, "veh-001"),
    settings: {
      inFlight: 10,
      backlogBytes: 100_000,
      refusalAttempts: 3,
      disconnectAttempts: 2,
      maxGapMs: 34_560_000_000,
      startedAtMs: 4000,
      ...settings,
    },
    lossDraft: (loss) =>
      draft("event", { seal: () => new TextEncoder().encode(`${loss.reason} ${loss.first}-${loss.last}`) }),
    clock,
    log,
    random: () => 0.5,
  });
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  broker.start();
  return {
    clock,
    log,
    outbox,
    broker,
    publisher,
    append: (...drafts: RecordDraft[]) => {
      outbox.append(drafts);
      publisher.wake();
    },
    start: () => {
      running = publisher.run(stopping.signal);
      return clock.run(0);
    },
    stop: async () => {
      stopping.abort();
      await clock.run(3000);
      await running;
    },
    ids: () => broker.publications.map(idOf),
  };
}

/** "telemetry-7": stream and seq of a publication, from its user properties. */
export function idOf({ userProperties }: Publication): string {
  const value = (name: string): string => userProperties.find(([key]) => key === name)?.[1] ?? "";
  return `${value("stream")}-${value("seq")}`;
}

/** `count` drafts. */
export function times(count: number, make: (index: number) => RecordDraft): RecordDraft[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** An answer of the broker that leaves every publish open. */
export const held = (): undefined => undefined;

/** A PUBACK with this reason code. */
export function rejection(reasonCode: number): PublishOutcome {
  return { kind: "rejected", reasonCode, reason: `0x${reasonCode.toString(16)}` };
}

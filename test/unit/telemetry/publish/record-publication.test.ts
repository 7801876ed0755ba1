import { describe, expect, it } from "vitest";
import { createTopics } from "../../../../agent/cloud/topics.ts";
import type { QueuedRecord } from "../../../../agent/ports/outbox.ts";
import {
  isExpired,
  messageExpirySecondsOf,
  publicationOf,
} from "../../../../agent/telemetry/publish/record-publication.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { encrypterOf, wrappingPair } from "../../../fakes/telemetry/encryption.ts";
import { TEMPLATES } from "../../../fakes/telemetry/publisher.ts";
import { encoderOf, idOf, logOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const YEAR_MS = 365 * 86_400_000;
const MAX_GAP_MS = 400 * 86_400_000;
const LIFE_MS = 60_000;

/** A record stored now by `clock`, with a life of a minute. */
function stored(clock: ManualClock, change: Partial<QueuedRecord> = {}): QueuedRecord {
  const storedAtUs = clock.wallUs();
  return {
    epoch: 1,
    stream: "telemetry",
    seq: 1,
    row: 1,
    encoding: "zstd",
    timeQuality: "ntp",
    storedAtUs,
    storedAtMonotonicMs: clock.monotonicMs(),
    expiresAtMs: Math.floor(storedAtUs / 1000) + LIFE_MS,
    retainKey: undefined,
    payload: new Uint8Array(1),
    ...change,
  };
}

describe("the life of a record of this boot", () => {
  it.each([-10, 10])("outlasts a step of the wall clock by %d years, whatever the clock's quality", (years) => {
    for (const quality of ["unsynchronised", "ntp", "gps"] as const) {
      const clock = new ManualClock({ quality });
      const record = stored(clock, { timeQuality: quality });
      clock.stepWall(years * YEAR_MS * 1000);
      clock.advance(59_500);
      expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
      expect(messageExpirySecondsOf(record, clock, MAX_GAP_MS)).toBe(1);
      clock.advance(500);
      expect(isExpired(record, clock, MAX_GAP_MS)).toBe(true);
    }
  });
});

describe("the life of a record over a sleep of the machine", () => {
  it("goes on, as that of what it tells does", () => {
    const clock = new ManualClock();
    const record = stored(clock, { storedAtMonotonicMs: clock.boottimeMs() });
    clock.suspend(59_000);
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
    clock.suspend(1000);
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(true);
  });
});

describe("the life of a record of an earlier boot", () => {
  const ofBefore = { storedAtMonotonicMs: undefined };

  it("ends by the wall clock, where both clocks are to be trusted", () => {
    const clock = new ManualClock();
    const record = stored(clock, ofBefore);
    clock.stepWall(59_000_000);
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
    expect(messageExpirySecondsOf(record, clock, MAX_GAP_MS)).toBe(1);
    clock.stepWall(1_000_000);
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(true);
    clock.setQuality("rtc");
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
    expect(isExpired({ ...record, timeQuality: "rtc" }, new ManualClock({ quality: "ntp" }), MAX_GAP_MS)).toBe(false);
  });

  it.each([-10, 10])("does not end, and is whole, when a trusted clock is %d years away", (years) => {
    const clock = new ManualClock();
    const record = stored(clock, ofBefore);
    clock.stepWall(years * YEAR_MS * 1000);
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
    expect(messageExpirySecondsOf(record, clock, MAX_GAP_MS)).toBe(60);
  });
});

describe("a record with a topic of its own", () => {
  it("goes there as it is, with its id alone, never retained", () => {
    const encoder = encoderOf(tableOf([]));
    const draft = encoder.routed("event", "cms/vehicles/veh-001/signals", Uint8Array.of(1, 2, 3), 7);
    expect(draft).toMatchObject({ stream: "event", samples: 7, bodyBytes: 3, retainKey: undefined });
    expect(draft.thin).toBeUndefined();
    const { route } = draft;
    const record = stored(new ManualClock(), {
      stream: "event",
      epoch: 5,
      seq: 9,
      route,
      payload: draft.seal(idOf(1)),
    });
    expect(publicationOf(record, createTopics(TEMPLATES, "veh-001"), 60, true)).toEqual({
      topic: "cms/vehicles/veh-001/signals",
      payload: Uint8Array.of(1, 2, 3),
      retain: false,
      contentType: "application/octet-stream",
      messageExpirySeconds: 60,
      userProperties: [
        ["epoch", "5"],
        ["seq", "9"],
        ["stream", "event"],
      ],
    });
  });
});

describe("the content type of a record", () => {
  const table = tableOf([{ name: "M", signals: [{ name: "S" }] }]);
  const topics = createTopics(TEMPLATES, "veh-001");
  const log = logOf(table, [{ signal: 0, timeUs: 1, raw: 1 }]);

  it.each([
    ["columns", "zstd", "application/x-protobuf"],
    ["columns", "gzip", "application/x-protobuf"],
    ["columns", "none", "application/x-protobuf"],
    ["rows", "none", "application/x-protobuf"],
    ["json", "none", "application/json"],
  ] as const)("is told by the payload alone: %s, %s", (form, compression, contentType) => {
    const settings = { schema: table, campaign: undefined, stream: "event", form, compression } as const;
    const [draft] = encoderOf(table).lane(settings).encode(log, []);
    const { encoding } = draft;
    const record = stored(new ManualClock(), { stream: "event", encoding, payload: draft.seal(idOf(1, "event")) });
    const publication = publicationOf(record, topics, undefined, false);
    expect(publication.contentType).toBe(contentType);
    expect(publication.userProperties).toContainEqual(["encoding", compression === "none" ? "identity" : compression]);
  });

  it("and the user property encryption say that it is encrypted, in every form", () => {
    for (const form of ["columns", "rows", "json"] as const) {
      const settings = { schema: table, campaign: undefined, stream: "event", form } as const;
      const [draft] = encoderOf(table, {}, encrypterOf(wrappingPair())).lane(settings).encode(log, []);
      const { encoding } = draft;
      const record = stored(new ManualClock(), { stream: "event", encoding, payload: draft.seal(idOf(1, "event")) });
      const publication = publicationOf(record, topics, undefined, false);
      expect(publication.contentType).toBe("application/octet-stream");
      expect(publication.userProperties).toContainEqual(["encryption", "aws-encryption-sdk-2"]);
      const clear = publicationOf({ ...record, payload: new Uint8Array(3) }, topics, undefined, false);
      expect(clear.userProperties?.map(([name]) => name)).not.toContain("encryption");
    }
  });
});

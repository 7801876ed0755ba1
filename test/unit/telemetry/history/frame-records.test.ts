import { describe, expect, it } from "vitest";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { FrameHistory } from "../../../../agent/telemetry/history/frame-history.ts";
import { FrameRecords } from "../../../../agent/telemetry/history/frame-records.ts";
import { HistoryFilter } from "../../../../agent/telemetry/history/history-filter.ts";
import type { EncodedDraft } from "../../../../agent/telemetry/record/encode/record-sealer.ts";
import { createRecordReader } from "../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { encoderOf, idOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const SEED = 3;
const BUSES = ["can0", "can1"] as const;
const MAX_BYTES = 4096;
const MARK = { campaign: { id: "hard-braking", version: 3, digest: "0123456789abcdef" }, trigger: 17 };

describe("FrameRecords", () => {
  it(`makes records of the frames before and after a trigger, bus by bus, byte by byte (seed ${SEED})`, () => {
    const history = new FrameHistory({ maxBytes: 1_048_576, buses: 2 });
    const wants = new HistoryFilter(BUSES.map((_, bus) => ({ kind: "bus", bus })));
    history.use(wants, 1000);
    const random = seededRandom(SEED);
    const batch = new FrameBatch(1);
    const push = (index: number): void => {
      const isFd = random() < 0.2;
      const data = Uint8Array.from({ length: Math.floor(random() * (isFd ? 65 : 9)) }, () =>
        Math.floor(random() * 256),
      );
      batch.count = 0;
      batch.push(Math.floor(random() * 0x7ff), isFd ? FRAME_FLAG.fd : 0, data, T0 + index * 1000);
      history.push(index % 2, batch, 0);
      frames[index % 2].push(batch.frame(0));
    };
    const frames: ReturnType<FrameBatch["frame"]>[][] = [[], []];
    for (let index = 0; index < 2000; index++) push(index);
    const capture = history.begin({
      name: "crash",
      timeUs: T0 + 1_999_000,
      nowMs: 0,
      beforeMs: 1500,
      afterMs: 500,
      notBefore: 0,
      wants,
    });
    for (let index = 2000; index < 3000; index++) push(index);
    const drafts: EncodedDraft[] = [];
    const appender = { add: (draft: EncodedDraft) => void drafts.push(draft) };
    const encoder = encoderOf(tableOf([]), { maxPayloadBytes: MAX_BYTES });
    const records = new FrameRecords("crash", { encoder, appender }, MARK);
    while (capture?.isDone === false) {
      capture.read(100, 500, (bus, ...frame) => records.take(BUSES[bus], ...frame));
    }
    records.flush();
    records.flush();
    const reader = createRecordReader(readDescriptor());
    const payloads = drafts.map((draft, at) => draft.seal(idOf(at + 1, "capture")));
    expect(payloads.every(({ length }) => length <= MAX_BYTES)).toBe(true);
    const bodies = payloads.map((payload) => reader.decode(payload).body).filter((body) => body.kind === "frames");
    expect([bodies.length, new Set(bodies.map((body) => body.capture))]).toEqual([records.records, new Set(["crash"])]);
    for (const { campaign, trigger } of bodies) expect({ campaign, trigger }).toEqual(MARK);
    for (const [bus, name] of BUSES.entries()) {
      const inside = frames[bus].filter(
        ({ receivedAtUs }) => receivedAtUs >= T0 + 499_000 && receivedAtUs <= T0 + 2_499_000,
      );
      expect(bodies.filter((body) => body.bus === name).flatMap((body) => body.frames)).toEqual(inside);
    }
  });
});

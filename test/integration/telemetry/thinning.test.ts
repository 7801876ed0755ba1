import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Outbox } from "../../../agent/ports/outbox.ts";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { recordThinner } from "../../../agent/telemetry/record/thin/thin-records.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { diskFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { encoderOf, type LoggedSample, logOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const SIGNALS = 20;
const SAMPLES = 25;
const CAMPAIGN = { id: "thin", version: 1, digest: "0123456789abcdef" };
const names = Array.from({ length: SIGNALS }, (_, at) => ({ name: `S${at}` }));
const table = tableOf([{ name: "M", signals: names }]);
const reader = createRecordReader(readDescriptor());

/** The samples of the n-th record: each signal every 10 ms, with a value that says which it is. */
function samplesOf(record: number): LoggedSample[] {
  return Array.from({ length: SIGNALS * SAMPLES }, (_, at) => {
    const sample = record * SAMPLES + Math.floor(at / SIGNALS);
    return {
      signal: at % SIGNALS,
      timeUs: T0 + sample * 10_000,
      raw: (sample * 31 + at) % 65_536,
      opens: at % SIGNALS === 0,
    };
  });
}

function decodeAll(outbox: Outbox, stream: "telemetry" | "event"): DecodedRecord[] {
  return outbox.read(stream, 0, outbox.lastRow(), 100_000, 1e9).map(({ payload }) => reader.decode(payload));
}

describe("a full outbox of a campaign that says thin: 10", () => {
  it("keeps every tenth sample of all that it was given, exactly, and tells which records those were of", () => {
    const records = 600;
    const maxBytes = 60_000;
    const settings = { file: join(diskFolder(), "outbox.db"), clock: new ManualClock(), log: new MemoryLog() };
    const { outbox } = openOutbox({ ...settings, maxBytes }, undefined, { thin: recordThinner(120_000) });
    const encoder = encoderOf(table, { compression: "zstd", timeResolutionUs: 1000 });
    const lane = encoder.lane({ schema: table, campaign: CAMPAIGN, stream: "telemetry", form: "columns", thin: 10 });
    const given = new Map<string, number>();
    let bytes = 0;
    let drafts: EncodedDraft[] = [];
    for (let record = 0; record < records; record += 1) {
      const samples = samplesOf(record);
      for (const { signal, timeUs, raw } of samples) given.set(`${signal} ${timeUs}`, Number(raw));
      drafts.push(...lane.encode(logOf(table, samples), []));
      if (drafts.length < 6) continue;
      bytes += drafts.reduce((sum, draft) => sum + draft.seal({ epoch: 1, stream: "telemetry", seq: 1 }).length, 0);
      outbox.append(drafts);
      drafts = [];
    }
    outbox.reportLosses((loss) => encoder.loss(loss), 10);
    expect(bytes).toBeGreaterThan(2 * maxBytes);
    expect(outbox.lossCounts()).toMatchObject([{ reason: "thinned" }]);

    const kept = decodeAll(outbox, "telemetry");
    const thinned = kept.flatMap((record) => (record.thinned === undefined ? [] : [record]));
    const found = thinned.flatMap(({ body }) => (body.kind === "samples" ? body.columns : []));
    for (const { signal, timesUs, raws } of found) {
      expect(raws).toEqual(timesUs.map((timeUs) => given.get(`${signal} ${timeUs}`)));
    }
    const left = thinned.flatMap((record) => record.thinned?.seqs ?? []);
    const whole = kept.length - thinned.length;
    expect(left.length + whole).toBe(records);
    const counted = found.reduce((sum, { timesUs }) => sum + timesUs.length, 0);
    expect(counted / (left.length * SIGNALS * SAMPLES)).toBeCloseTo(0.1, 2);
    expect(thinned.every(({ body }) => body.kind === "samples" && body.campaign?.id === "thin")).toBe(true);

    const [loss] = decodeAll(outbox, "event").map(({ body }) => body);
    const seqs = thinned.map(({ seq }) => seq);
    expect(loss).toMatchObject({
      kind: "loss",
      stream: "telemetry",
      first: Math.min(...left),
      last: Math.max(...left),
      reason: "thinned",
      detail: "thinned 10:1",
      thinned: { ratio: 10, keptFirst: Math.min(...seqs), keptLast: Math.max(...seqs) },
    });
    outbox.close();
  });
});

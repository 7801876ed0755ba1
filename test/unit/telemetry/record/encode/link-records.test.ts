import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DataUsageReport } from "../../../../../agent/telemetry/record/encode/data-usage.ts";
import {
  LINK_REASONS,
  type LinkChange,
  type ModemStanding,
} from "../../../../../agent/telemetry/record/encode/link-change.ts";
import type { UploadedFile } from "../../../../../agent/telemetry/record/encode/uploaded-file.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const SEED = 1732;
const reader = createRecordReader(readDescriptor());
const encoder = encoderOf(tableOf([]));

const name = fc.string({ maxLength: 40 });
const timeUs = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const bytes = fc.integer({ min: 0, max: 2 ** 52 });
const modem = fc.record({
  state: name,
  failure: name,
  registration: name,
  operator: name,
  technology: name,
  signalPercent: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
}) satisfies fc.Arbitrary<ModemStanding>;
const change = fc.record({
  link: name,
  cost: fc.constantFrom("free", "low", "high"),
  metered: fc.boolean(),
  modem: fc.option(modem, { nil: undefined }),
  reason: fc.constantFrom(...LINK_REASONS),
  untold: fc.integer({ min: 0, max: 1_000_000 }),
  timeUs,
}) satisfies fc.Arbitrary<LinkChange>;
const usage = fc.record({
  day: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
  usage: fc.array(fc.record({ link: name, use: name, dayBytes: bytes, monthBytes: bytes }), { maxLength: 80 }),
  timeUs,
}) satisfies fc.Arbitrary<DataUsageReport>;

const file = fc.record({
  upload: name,
  kind: name,
  name,
  sizeBytes: bytes,
  sha256: name,
  location: name,
  etag: name,
  isChecked: fc.boolean(),
  reason: name,
  timeUs,
}) satisfies fc.Arbitrary<UploadedFile>;

describe("records of links", () => {
  it("are read as they were written", () => {
    const changes = fc.property(change, (one) => {
      const draft = encoder.linkChange(one);
      expect(draft.stream).toBe("event");
      expect(reader.decode(draft.seal(idOf(1, "event"))).body).toEqual({ kind: "link-change", ...one });
    });
    fc.assert(changes, { seed: SEED });
    const usages = fc.property(usage, (one) => {
      const draft = encoder.dataUsage(one);
      expect(draft.stream).toBe("event");
      expect(reader.decode(draft.seal(idOf(1, "event"))).body).toEqual({ kind: "data-usage", ...one });
    });
    fc.assert(usages, { seed: SEED });
    const files = fc.property(file, ({ kind: fileKind, ...one }) => {
      const draft = encoder.uploadedFile({ kind: fileKind, ...one });
      expect(draft.stream).toBe("event");
      const { body } = reader.decode(draft.seal(idOf(1, "event")));
      expect(body).toEqual({ kind: "uploaded-file", fileKind, ...one });
    });
    fc.assert(files, { seed: SEED });
  });

  it("have cut names, however long the network's are", () => {
    const standing = { state: "connected", failure: "", registration: "home", technology: "lte", signalPercent: 5 };
    const facts = { link: "wwan0", cost: "high", metered: true, reason: "modem", untold: 0, timeUs: 0 } as const;
    const draft = encoder.linkChange({ ...facts, modem: { ...standing, operator: "x".repeat(5000) } });
    const { body } = reader.decode(draft.seal(idOf(1, "event")));
    expect(body).toMatchObject({ modem: { operator: "x".repeat(100) } });
  });
});

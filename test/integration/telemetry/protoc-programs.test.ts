import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { hasProtoc, protocDecode, valuesOf } from "../../fakes/telemetry/protoc.ts";
import { encoderOf, idOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const PROTO = join(import.meta.dirname, "../../../config/proto");
const T0 = 1_767_225_600_000_000;

describe.skipIf(!hasProtoc)(`protoc --decode${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  const encoder = encoderOf(tableOf([]));

  it("reads what other programs handed over", () => {
    const source = [`--descriptor_set_in=${join(PROTO, "telemetry.desc")}`];
    const read = (made: EncodedDraft): string => protocDecode(made.seal(idOf(1, "event")), source);
    const value = { name: "door.open", unit: "", timeUs: T0 };
    const handed = [
      { ...value, value: -1.5 },
      { ...value, value: false },
      { ...value, value: "" },
    ];
    const about = { program: "door-watch", timeUs: T0 + 1 };
    const values = read(encoder.programRecord("event", { kind: "values", ...about, values: handed }));
    const fields = ["program", "number", "flag", "text"].flatMap((field) => valuesOf(values, field));
    expect(fields).toEqual(['"door-watch"', "-1.5", "false", '""']);
    expect(valuesOf(values, "time_us")).toEqual([T0, T0, T0, T0 + 1].map(String));
    const content = { contentType: "a/b", content: Uint8Array.of(1, 255) };
    const bytes = read(encoder.programRecord("telemetry", { kind: "bytes", ...about, ...content }));
    expect(["content_type", "content"].flatMap((field) => valuesOf(bytes, field))).toEqual(['"a/b"', '"\\001\\377"']);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf, logOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";
import { FIRED } from "../../../../fakes/telemetry/trigger.ts";

const reader = createRecordReader(readDescriptor());
const table = tableOf([{ name: "M", signals: [{ name: "S" }, { name: "W", bits: 64 }] }]);
const encoder = encoderOf(table);

function rowsPayload(): Uint8Array {
  const lane = encoder.lane({ schema: table, campaign: FIRED.campaign, stream: "event", form: "json" });
  const samples = [5, 2n ** 63n].map((raw, signal) => ({ signal, timeUs: FIRED.timeUs, raw }));
  return lane.encode(logOf(table, samples), [])[0].seal(idOf(3, "event"));
}

/** What decoding throws; a bug when it is not an AgentError. */
function faultOf(payload: Uint8Array | string): AgentError | undefined {
  try {
    reader.decode(typeof payload === "string" ? new TextEncoder().encode(payload) : payload);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown;
    throw thrown;
  }
}

describe("records in JSON", () => {
  it.each([
    "{",
    "{}",
    '{"thing":1}',
    '{"thing":"t","epoch":"x","stream":"event","seq":1}',
    '{"thing":"t","epoch":1,"stream":"event","seq":1e300,"anchor":{},"rows":{}}',
    '{"thing":"t","epoch":1,"stream":"event","seq":1,"anchor":{},"rows":{"rows":[{"name":"a","timeUs":1}]}}',
    `${"[".repeat(100_000)}`,
    `{"rows":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    '{"__proto__":{"thing":"t"},"epoch":1}',
  ])("are refused where they are none: %.60s", (text) => {
    expect(faultOf(text)?.code).toBe("input.malformed");
  });

  it("throw nothing but input.malformed when they are damaged", () => {
    for (const good of [rowsPayload(), encoder.trigger(FIRED, "json").seal(idOf(4, "event"))]) {
      expect(faultOf(good)).toBeUndefined();
      const damage = fc.record({
        at: fc.nat({ max: good.length - 1 }),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
      });
      fc.assert(
        fc.property(damage, fc.integer({ min: 1, max: good.length }), ({ at, bytes }, keep) => {
          const damaged = good.slice();
          damaged.set(bytes.subarray(0, good.length - at), at);
          for (const payload of [damaged, damaged.slice(0, keep)]) {
            expect(faultOf(payload)?.code ?? "input.malformed").toBe("input.malformed");
          }
        }),
        { seed: 20_264, numRuns: 2000 },
      );
    }
  });
});

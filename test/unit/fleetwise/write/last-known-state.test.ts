import { describe, expect, it } from "vitest";
import type { WireValue } from "../../../../agent/fleetwise/wire-value.ts";
import { encodeCheckin } from "../../../../agent/fleetwise/write/checkin.ts";
import { encodeLastKnownState, statePayloads } from "../../../../agent/fleetwise/write/last-known-state.ts";
import { snappyBytes } from "../../../bench/cloud/raw-snappy.ts";
import { messageFields } from "../../../fakes/fleetwise/messages.ts";

const T0 = 1_764_374_400_000;
const stateOf = (...values: readonly WireValue[]) => ({
  timeMs: T0,
  templates: [{ syncId: "t1", signals: values.map((value, at) => ({ id: 10 + at, value })) }],
});

// Bytes of campaigns.md, section 7, which FWE's own .proto files gave.
describe("the bytes of the reference agent", () => {
  it("are those of a check-in", () => {
    const bytes = encodeCheckin({ documentSyncIds: ["dm-1", "c-1"], timeMs: T0 });
    expect(Buffer.from(bytes).toString("hex")).toBe("0a04646d2d310a03632d31108098a3e7ac33");
  });

  it("are those of a last known state", () => {
    const bytes = encodeLastKnownState(stateOf({ type: "int16", value: -2 }, { type: "bool", value: true }));
    expect(Buffer.from(bytes).toString("hex")).toBe("108098a3e7ac3332100a0274311204080a30031204080b1801");
  });
});

describe("a last known state", () => {
  it.each<readonly [string, WireValue, unknown]>([
    ["double_value", { type: "double", value: -0 }, -0],
    ["float_value", { type: "float", value: Math.fround(0.1) }, Math.fround(0.1)],
    ["boolean_value", { type: "bool", value: false }, false],
    ["int8_value", { type: "int8", value: -128 }, -128],
    ["uint8_value", { type: "uint8", value: 255 }, 255],
    ["int16_value", { type: "int16", value: 0 }, 0],
    ["uint16_value", { type: "uint16", value: 65_535 }, 65_535],
    ["int32_value", { type: "int32", value: -2_147_483_648 }, -2_147_483_648],
    ["uint32_value", { type: "uint32", value: 4_294_967_295 }, 4_294_967_295],
    ["int64_value", { type: "int64", value: -(2n ** 63n) }, -(2n ** 63n)],
    ["int64_value", { type: "int64", value: 2n ** 63n - 1n }, 2n ** 63n - 1n],
    ["int64_value", { type: "int64", value: 0n }, 0n],
    ["uint64_value", { type: "uint64", value: 2n ** 64n - 1n }, 2n ** 64n - 1n],
    ["uint64_value", { type: "uint64", value: 2n ** 53n + 1n }, 2n ** 53n + 1n],
    ["string_value", { type: "string", value: "" }, ""],
  ])("holds a %s exactly", (field, value, expected) => {
    expect(messageFields("LastKnownStateData", encodeLastKnownState(stateOf(value)))).toEqual({
      collection_event_time_ms_epoch: BigInt(T0),
      captured_state_template_signals: [
        { state_template_sync_id: "t1", captured_signals: [{ signal_id: 10, [field]: expected }] },
      ],
    });
  });

  it("is halved by templates, then by signals, and keeps the time", () => {
    const signals = Array.from({ length: 9 }, (_, id) => ({ id: id + 1, value: randomText(id) }));
    const state = { timeMs: T0, templates: ["a", "b", "c"].map((syncId) => ({ syncId, signals })) };
    const { payloads, dropped } = statePayloads(state, 600);
    expect(dropped).toBe(0);
    expect(payloads.every(({ length }) => length <= 600)).toBe(true);
    const texts = payloads.map((payload) =>
      JSON.stringify(messageFields("LastKnownStateData", snappyBytes(payload)), asText),
    );
    const ids = texts.flatMap((text) => [...text.matchAll(/"signal_id":(\d+)/g)].map(([, id]) => Number(id)));
    expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(texts.every((text) => text.includes(`"${T0}"`))).toBe(true);
  });
});

/** 200 characters in which little repeats. */
function randomText(seed: number): WireValue {
  const value = Array.from({ length: 200 }, (_, at) => String.fromCharCode(33 + ((at * at * 7 + seed * 31 + at) % 90)));
  return { type: "string", value: value.join("") };
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

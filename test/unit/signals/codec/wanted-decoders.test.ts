import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { PackedLayouts } from "../../../../agent/signals/codec/packed-layouts.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import type { SignalTable } from "../../../../agent/signals/signal-table.ts";
import { referenceDecode } from "../../../bench/consumers/reference-decoder.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { randomDbc } from "../../../fakes/telemetry/random-dbc.ts";

/** What no decoder writes: a NaN is compared by `Object.is`, and these bits are no value of a signal here. */
const UNTOUCHED = -123.456;

function tableOf(text: string): SignalTable {
  return createSignalTable([{ bus: "can0", database: parseDbc(text).database }]);
}

const MULTIPLEXED = [
  "BO_ 1 M: 8 X",
  ' SG_ Outer M : 0|8@1+ (1,0) [0|0] "" X',
  ' SG_ Inner m2M : 8|8@1- (1,0) [0|0] "" X',
  ' SG_ Deep m1 : 16|8@1+ (1,0) [0|0] "" X',
  ' SG_ Wide m3 : 16|8@1+ (1,0) [0|0] "" X',
  ' SG_ Always : 24|8@1+ (1,0) [0|0] "" X',
  "BO_ 2 N: 8 X",
  ' SG_ A : 0|8@1+ (1,0) [0|0] "" X',
  ' SG_ B : 56|8@1+ (1,0) [0|0] "" X',
  "SG_MUL_VAL_ 1 Inner Outer 2-2;",
  "SG_MUL_VAL_ 1 Deep Inner 1-1;",
  "SG_MUL_VAL_ 1 Wide Outer 3-5, 9-9;",
].join("\n");

function wantNamed(table: SignalTable, ...names: readonly string[]): number {
  return table.want(Uint8Array.from(table.signals, ({ name }) => (names.includes(name) ? 1 : 0)));
}

/** Names of the signals that are wanted and present in a frame of the message, and those whose slot was written. */
function decode(table: SignalTable, message: number, data: readonly number[]) {
  const { values, wides, present, signals, messages, wanted } = table;
  const { firstSignal, signalCount, multiplexed, neededBytes } = messages[message];
  values.fill(UNTOUCHED);
  messages[message].decode(Uint8Array.from(data), 0, data.length, values, wides, present);
  const own = signals.slice(firstSignal, firstSignal + signalCount);
  const allPresent = !multiplexed && data.length >= neededBytes;
  const isThere = (index: number): boolean => wanted[index] === 1 && (allPresent || present[index] === 1);
  return {
    present: own.filter(({ index }) => isThere(index)).map(({ name }) => name),
    written: own.filter(({ index }) => !Object.is(values[index], UNTOUCHED)).map(({ name }) => name),
  };
}

describe("SignalTable.want", () => {
  it("decodes what is wanted as the per-bit reference does, and touches nothing else", () => {
    const random = seededRandom(20_261_129);
    fc.assert(
      fc.property(randomDbc, fc.integer({ min: 0, max: 100 }), ({ text, length }, percent) => {
        const { database } = parseDbc(text);
        const table = createSignalTable([{ bus: "can0", database }]);
        const { values, wides, present, signals } = table;
        const [message] = table.messages;
        const wanted = Uint8Array.from(signals, () => (random() * 100 < percent ? 1 : 0));
        present.fill(1);
        table.want(wanted);
        for (let round = 0; round < 50; round++) {
          const bytes = Uint8Array.from({ length: round % 4 === 0 ? Math.floor(random() * length) : length }, () =>
            Math.floor(random() * 256),
          );
          values.fill(UNTOUCHED);
          wides.fill(-77n);
          message.decode(bytes, 0, bytes.length, values, wides, present);
          const reference = referenceDecode(database.messages[0], bytes);
          const allPresent = !message.multiplexed && bytes.length >= message.neededBytes;
          for (const { index, name, wide } of signals) {
            const expected = wanted[index] === 1 ? reference.get(name) : undefined;
            if (expected === undefined)
              expect([values[index], wide < 0 ? -77n : wides[wide]]).toEqual([UNTOUCHED, -77n]);
            else if (wide < 0) expect(values[index]).toBe(Number(expected));
            else expect(wides[wide]).toBe(BigInt.asIntN(64, BigInt(expected)));
            if (!allPresent || wanted[index] === 0) expect(present[index]).toBe(expected === undefined ? 0 : 1);
          }
        }
      }),
      { numRuns: 400, seed: 11 },
    );
  });

  it("follows multiplexers that nobody wants, and stores them nowhere", () => {
    const table = tableOf(MULTIPLEXED);
    wantNamed(table, "Deep");
    expect(decode(table, 0, [2, 1, 7, 0])).toEqual({ present: ["Deep"], written: ["Deep"] });
    expect(decode(table, 0, [2, 0, 7, 0])).toEqual({ present: [], written: [] });
    expect(decode(table, 0, [2, 1])).toEqual({ present: [], written: [] });
    wantNamed(table, "Wide", "Always");
    expect(decode(table, 0, [9, 1, 7, 0])).toEqual({ present: ["Wide", "Always"], written: ["Wide", "Always"] });
    expect(decode(table, 0, [2, 1, 7, 0])).toEqual({ present: ["Always"], written: ["Always"] });
    wantNamed(table, "Inner");
    expect(decode(table, 0, [2, 1, 7, 0])).toEqual({ present: ["Inner"], written: ["Inner"] });
  });

  it("decodes nothing of a message that nobody wants", () => {
    const table = tableOf(MULTIPLEXED);
    wantNamed(table, "B");
    expect(decode(table, 0, [2, 1, 7, 0])).toEqual({ present: [], written: [] });
    expect(decode(table, 1, [1, 2, 3, 4, 5, 6, 7, 8])).toEqual({ present: ["B"], written: ["B"] });
    expect(decode(table, 1, [1, 2, 3])).toEqual({ present: [], written: [] });
  });

  it("changes the decoders of messages that are wanted otherwise, and gives the first ones back", () => {
    const table = tableOf(MULTIPLEXED);
    const first = table.messages.map((message) => message.decode);
    expect(wantNamed(table, "A", "B")).toBe(1);
    expect(table.messages[1].decode).toBe(first[1]);
    expect(wantNamed(table, "A", "B")).toBe(0);
    expect(wantNamed(table, "A", "Deep")).toBe(2);
    const [deep] = table.messages.map((message) => message.decode);
    expect(wantNamed(table, "A", "B", "Deep")).toBe(1);
    expect(table.messages[0].decode).toBe(deep);
    expect(table.want(new Uint8Array(table.signals.length).fill(1))).toBe(1);
    expect(table.messages.map((message) => message.decode)).toEqual(first);
    expect([...table.wanted]).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });
});

describe("PackedLayouts", () => {
  it("gives back what it was made of", () => {
    fc.assert(
      fc.property(fc.array(randomDbc, { minLength: 1, maxLength: 4 }), (files) => {
        let firstSignal = 0;
        const plans = files.map(({ text }) => {
          const [message] = parseDbc(text).database.messages;
          const plan = { message, firstSignal, firstWide: firstSignal * 2 };
          firstSignal += message.signals.length;
          return plan;
        });
        const packed = new PackedLayouts(plans);
        plans.forEach((plan, at) => {
          const { message, ...firsts } = packed.planOf(at);
          expect(firsts).toEqual({ firstSignal: plan.firstSignal, firstWide: plan.firstWide });
          const positions = new Map(plan.message.signals.map(({ name }, position) => [name, String(position)]));
          expect(message.signals).toEqual(
            plan.message.signals.map(
              ({ kind, signed, startBit, bits, byteOrder, multiplexer, multiplexing }, position) => ({
                name: String(position),
                kind,
                signed,
                startBit,
                bits,
                byteOrder,
                multiplexer,
                multiplexing: multiplexing && { by: positions.get(multiplexing.by), ranges: multiplexing.ranges },
              }),
            ),
          );
        });
      }),
      { numRuns: 200, seed: 12 },
    );
  });
});

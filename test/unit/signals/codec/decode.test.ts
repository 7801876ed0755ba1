import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { encodeMessage } from "../../../../agent/signals/codec/pack.ts";
import { isPresent, rawOf } from "../../../../agent/signals/codec/signal-value.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import type { SignalTable } from "../../../../agent/signals/signal-table.ts";
import { referenceDecode } from "../../../bench/consumers/reference-decoder.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { randomDbc } from "../../../fakes/telemetry/random-dbc.ts";

function tableOf(text: string): SignalTable {
  return createSignalTable([{ bus: "can0", database: parseDbc(text).database }]);
}

/** Raw values by name of the first message of the table. */
function decode(table: SignalTable, data: Uint8Array, at = 0): Map<string, number | bigint> {
  const [message] = table.messages;
  const bytes = new Uint8Array(at + data.length);
  bytes.set(data, at);
  message.decode(bytes, at, data.length, table.values, table.wides, table.present);
  const present = table.signals.filter((signal) => isPresent(table, message, signal, data.length));
  return new Map(present.map((signal) => [signal.name, rawOf(table, signal)]));
}

/** Values by name as text, in which NaN equals NaN and a bigint the number of the same value. */
function comparable(values: ReadonlyMap<string, number | bigint>): ReadonlyMap<string, string> {
  return new Map([...values].map(([name, value]) => [name, `${value}`]));
}

/** Like comparing `comparable`, without making 100,000 maps of text. */
function sameValues(ours: ReadonlyMap<string, number | bigint>, theirs: ReadonlyMap<string, number | bigint>): boolean {
  if (ours.size !== theirs.size) return false;
  for (const [name, value] of theirs) {
    const mine = ours.get(name);
    if (mine === undefined || (mine !== value && !Object.is(mine, value) && BigInt(mine) !== BigInt(value)))
      return false;
  }
  return true;
}

function randomBytes(length: number, random: () => number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

describe("generated decoders", () => {
  it("equal the per-bit reference on 100,000 random frames, short ones included", () => {
    const random = seededRandom(20_261_101);
    let frames = 0;
    fc.assert(
      fc.property(randomDbc, ({ text, signals, length }) => {
        const { database, errors } = parseDbc(text);
        expect(errors).toEqual([]);
        expect(database.messages[0].signals.length).toBe(signals);
        const table = createSignalTable([{ bus: "can0", database }]);
        for (let round = 0; round < 250; round++) {
          const data = randomBytes(round % 5 === 0 ? Math.floor(random() * length) : length, random);
          const got = decode(table, data, round % 3);
          const wanted = referenceDecode(database.messages[0], data);
          frames += 1;
          if (!sameValues(got, wanted)) expect(comparable(got)).toEqual(comparable(wanted));
        }
      }),
      { numRuns: 400, seed: 7 },
    );
    expect(frames).toBeGreaterThanOrEqual(100_000);
  });

  it("give back the raw values that were packed", () => {
    const random = seededRandom(99);
    fc.assert(
      fc.property(randomDbc, ({ text, length }) => {
        const [message] = parseDbc(text).database.messages;
        const raws = referenceDecode(message, randomBytes(length, random));
        const data = encodeMessage(message, raws);
        expect(data.length).toBe(length);
        expect(comparable(decode(tableOf(text), data))).toEqual(comparable(raws));
      }),
      { numRuns: 500, seed: 8 },
    );
  });

  it("say which signals a short frame still holds, and which it has after a long one again", () => {
    const table = tableOf(
      'BO_ 1 M: 4 X\n SG_ A : 0|8@1+ (1,0) [0|0] "" X\n SG_ B : 15|16@0+ (1,0) [0|0] "" X\n SG_ C : 24|8@1- (1,0) [0|0] "" X\n',
    );
    expect([...decode(table, Uint8Array.of(1, 2, 3)).entries()]).toEqual([
      ["A", 1],
      ["B", 0x0203],
    ]);
    expect([...decode(table, Uint8Array.of(9, 2)).entries()]).toEqual([["A", 9]]);
    expect([...decode(table, Uint8Array.of(1, 2, 3, 0xff)).keys()]).toEqual(["A", "B", "C"]);
    expect(table.messages[0].neededBytes).toBe(4);
  });

  it("follow nested multiplexers and ranges", () => {
    const table = tableOf(
      [
        "BO_ 1 M: 4 X",
        ' SG_ Outer M : 0|8@1+ (1,0) [0|0] "" X',
        ' SG_ Inner m2M : 8|8@1+ (1,0) [0|0] "" X',
        ' SG_ Deep m1 : 16|8@1+ (1,0) [0|0] "" X',
        ' SG_ Wide m3 : 16|8@1+ (1,0) [0|0] "" X',
        "SG_MUL_VAL_ 1 Inner Outer 2-2;",
        "SG_MUL_VAL_ 1 Deep Inner 1-1;",
        "SG_MUL_VAL_ 1 Wide Outer 3-5, 9-9;",
      ].join("\n"),
    );
    expect([...decode(table, Uint8Array.of(2, 1, 7, 0)).keys()]).toEqual(["Outer", "Inner", "Deep"]);
    expect([...decode(table, Uint8Array.of(2, 0, 7, 0)).keys()]).toEqual(["Outer", "Inner"]);
    expect([...decode(table, Uint8Array.of(5, 1, 7, 0)).keys()]).toEqual(["Outer", "Wide"]);
    expect([...decode(table, Uint8Array.of(9, 1, 7, 0)).keys()]).toEqual(["Outer", "Wide"]);
    expect([...decode(table, Uint8Array.of(6, 1, 7, 0)).keys()]).toEqual(["Outer"]);
  });

  it("keep integers beyond 2^53 exact, signed and unsigned", () => {
    const table = tableOf('BO_ 1 M: 16 X\n SG_ U : 0|64@1+ (1,0) [0|0] "" X\n SG_ S : 64|64@1- (1,0) [0|0] "" X\n');
    const data = new Uint8Array(16).fill(0xff);
    data[8] = 0xfe;
    expect([...decode(table, data).values()]).toEqual([18_446_744_073_709_551_615n, -2]);
    expect(table.signals.map((signal) => signal.wide)).toEqual([0, 1]);
    expect([...table.values]).toEqual([2 ** 64, -2]);
  });

  it("run no text of the DBC file", () => {
    const hostile = "x];globalThis.owned=1;//";
    const { database } = parseDbc(
      `BO_ 1 __proto__: 8 X\n SG_ ${"`${globalThis.owned=1}`"} : 0|8@1+ (1,0) [0|0] "${hostile}" X\n`,
    );
    const [message] = database.messages;
    const renamed = {
      ...message,
      name: hostile,
      signals: message.signals.map((signal) => ({ ...signal, name: hostile })),
    };
    const table = createSignalTable([{ bus: hostile, database: { ...database, messages: [renamed] } }]);
    expect(decode(table, new Uint8Array(8)).get(hostile)).toBe(0);
    expect(Reflect.has(globalThis, "owned")).toBe(false);
    expect(table.messages[0].decode.toString()).not.toContain("owned");
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { parseDbcBytes } from "../../../../agent/signals/dbc/bytes.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import { CaptureDecoder } from "../../../../agent/telemetry/history/capture-decoder.ts";
import { FrameHistory } from "../../../../agent/telemetry/history/frame-history.ts";
import { HistoryFilter, wishesFor } from "../../../../agent/telemetry/history/history-filter.ts";
import { referenceDecode } from "../../../bench/consumers/reference-decoder.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { tpFrames } from "../../../fakes/signals/tp-frames.ts";

const T0 = 1_767_225_600_000_000;
const SEED = 41;
const DBC_FILE = join(import.meta.dirname, "../../../../config/bench-vehicle.dbc");
const J1939 = `BO_ 2364540158 EEC1: 8 X
 SG_ EngineSpeed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" X
BA_ "ProtocolType" "J1939";
`;

describe("CaptureDecoder", () => {
  it(`decodes what the history holds, short frames too, and leaves what is decoded live alone (seed ${SEED})`, () => {
    const { database } = parseDbcBytes(readFileSync(DBC_FILE));
    const table = createSignalTable([{ bus: "can0", database }]);
    table.values.fill(-1);
    table.present.fill(7);
    const history = new FrameHistory({ maxBytes: 1_048_576, buses: 1 });
    const wants = new HistoryFilter([{ kind: "bus", bus: 0 }]);
    history.use(wants, 1000);
    const random = seededRandom(SEED);
    const batch = new FrameBatch(1);
    const expected: (readonly [number, string, Map<string, number>])[] = [];
    const push = (id: number, flags: number, data: Uint8Array): void => {
      batch.count = 0;
      batch.push(id, flags, data, T0 + expected.length);
      history.push(0, batch, 0);
    };
    for (let round = 0; round < 40; round++) {
      for (const message of database.messages) {
        const length = random() < 0.2 ? Math.floor(random() * message.length) : message.length;
        const data = Uint8Array.from({ length }, () => Math.floor(random() * 256));
        push(message.id, message.extended ? FRAME_FLAG.extended : 0, data);
        const values = [...referenceDecode(message, data)].map(([name, raw]) => [name, Number(raw)] as const);
        expected.push([T0 + expected.length, message.name, new Map(values)]);
      }
      push(database.messages[0].id, FRAME_FLAG.remote, new Uint8Array(8));
      push(database.messages[0].id, FRAME_FLAG.error, new Uint8Array(8));
      push(0x7fe, 0, new Uint8Array(8));
    }
    const given: (readonly [number, string, Map<string, number>])[] = [];
    const decoder = new CaptureDecoder(table, [table.bus("can0")], (message, allPresent, timeUs, firstSlot) => {
      expect(firstSlot).toBe(message.firstSignal);
      const values = new Map<string, number>();
      for (let slot = firstSlot; slot < firstSlot + message.signalCount; slot++) {
        if (allPresent || decoder.present[slot] === 1) values.set(table.signals[slot].name, decoder.values[slot]);
      }
      given.push([timeUs, message.name, values]);
    });
    const order = {
      name: "c",
      timeUs: T0 + expected.length,
      nowMs: 0,
      beforeMs: 1000,
      afterMs: 0,
      notBefore: 0,
      wants,
    };
    history.begin(order)?.read(1_000_000, 0, (...frame) => decoder.visit(...frame));
    expect(given).toEqual(expected);
    expect(new Set([...table.values, ...table.present])).toEqual(new Set([-1, 7]));
  });

  it("gives each sender of a group the slots that it has live", () => {
    const table = createSignalTable([{ bus: "can0", database: parseDbc(J1939).database }], 1);
    const live = table.slots.firstSlotOf(table.messages[0], 0x0cf0_0400);
    const slots: number[] = [];
    const decoder = new CaptureDecoder(
      table,
      [table.bus("other"), table.bus("can0")],
      (_message, _all, _time, slot) => {
        slots.push(slot);
      },
    );
    for (const id of [0x18f0_0400, 0x18f0_0401]) decoder.visit(1, new Uint8Array(8), 0, 8, id, FRAME_FLAG.extended, T0);
    decoder.visit(0, new Uint8Array(8), 0, 8, 0x18f0_0400, FRAME_FLAG.extended, T0);
    decoder.visit(2, new Uint8Array(8), 0, 8, 0x18f0_0400, FRAME_FLAG.extended, T0);
    expect(slots).toEqual([live, -1]);
  });

  it("puts messages together that come in several frames, as far as they began in the capture", () => {
    const dbc = 'BO_ 2566828286 Trip: 20 X\n SG_ Late : 152|8@1+ (1,0) [0|0] "" X\nBA_ "ProtocolType" "J1939";\n';
    const table = createSignalTable([{ bus: "can0", database: parseDbc(dbc).database }]);
    const [message] = table.messages;
    const history = new FrameHistory({ maxBytes: 1_048_576, buses: 1 });
    const wants = new HistoryFilter(wishesFor(0, message));
    history.use(wants, 1000);
    const batch = new FrameBatch(1);
    const bytes = Array.from({ length: 20 }, (_, at) => at);
    const transfers = [3, 4].map((from, at) => tpFrames(bytes, { from, atMs: at * 20 }));
    const frames = transfers.flat().toSorted((one, other) => one.atMs - other.atMs);
    for (const { id, data, atMs } of frames) {
      batch.count = 0;
      batch.push(id, FRAME_FLAG.extended, Uint8Array.from(data), T0 + atMs * 1000);
      history.push(0, batch, 0);
    }
    const given: unknown[] = [];
    const decoder = new CaptureDecoder(table, [table.bus("can0")], (_message, allPresent, timeUs, slot) => {
      given.push([allPresent, timeUs - T0, table.slots.originOf(slot)?.source, decoder.values[message.firstSignal]]);
    });
    const order = { name: "c", timeUs: T0 + 200_000, nowMs: 0, beforeMs: 190, afterMs: 0, notBefore: 0, wants };
    history.begin(order)?.read(1_000_000, 0, (...frame) => decoder.visit(...frame));
    expect(given).toEqual([[true, 170_000, 4, 19]]);
  });
});

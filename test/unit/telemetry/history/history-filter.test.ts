import { describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { pgnOf } from "../../../../agent/signals/pgn.ts";
import {
  framesFor,
  HistoryFilter,
  type HistoryWish,
  wishesFor,
} from "../../../../agent/telemetry/history/history-filter.ts";
import { ReceiveFilter } from "../../../../drivers/can/filter.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";

const SEED = 5;
const { extended, error, remote, fd } = FRAME_FLAG;

describe("HistoryFilter", () => {
  it("keeps nothing when nothing is wanted", () => {
    const filter = new HistoryFilter([]);
    expect([filter.isEmpty, filter.has(0), filter.keeps(0, 0x100, 0)]).toEqual([true, false, false]);
  });

  it("keeps an id of its length and bus alone", () => {
    const filter = new HistoryFilter([
      { kind: "id", bus: 1, id: 0x123, extended: false },
      { kind: "id", bus: 1, id: 0x1234_5678, extended: true },
    ]);
    expect([filter.isEmpty, filter.has(1), filter.has(0)]).toEqual([false, true, false]);
    expect([filter.keeps(1, 0x123, 0), filter.keeps(1, 0x123, fd), filter.keeps(1, 0x123, remote)]).toEqual([
      true,
      true,
      true,
    ]);
    expect([filter.keeps(0, 0x123, 0), filter.keeps(1, 0x123, extended), filter.keeps(1, 0x122, 0)]).toEqual([
      false,
      false,
      false,
    ]);
    expect([filter.keeps(1, 0x1234_5678, extended), filter.keeps(1, 0x1234_5679, extended)]).toEqual([true, false]);
  });

  it("keeps the frames of a group, whatever their priority, source and destination", () => {
    const ids = [0x18f0_0401, 0x0cf0_0427]; // EEC1, PGN 61444
    const eec1 = new HistoryFilter(
      wishesFor(0, { arbitrationId: 0x0cf0_04fe, carriage: "frames", extended: true, pgn: 0xf004, length: 8 }),
    );
    expect(ids.map((id) => eec1.keeps(0, id, extended))).toEqual([true, true]);
    expect([eec1.keeps(0, 0x18f0_0501, extended), eec1.keeps(0, 0x4, 0)]).toEqual([false, false]);
    const request = new HistoryFilter([{ kind: "pgn", bus: 0, pgn: 0xea00 }]); // PDU1: the destination is no part of it
    expect([request.keeps(0, 0x18ea_ff00, extended), request.keeps(0, 0x18ea_2133, extended)]).toEqual([true, true]);
  });

  it("keeps a message without a group by its id, and nothing for one of PDUs", () => {
    const frame = { arbitrationId: 0x7ff, extended: false, pgn: undefined, length: 8 };
    const filter = new HistoryFilter(wishesFor(2, { ...frame, carriage: "frames" }));
    expect([filter.keeps(2, 0x7ff, 0), filter.keeps(2, 0x7fe, 0)]).toEqual([true, false]);
    expect(wishesFor(2, { ...frame, carriage: "pdus" })).toEqual([]);
  });

  it("keeps error frames of a whole bus alone: their ids are error classes", () => {
    const byId = new HistoryFilter([{ kind: "id", bus: 0, id: 0x4, extended: false }]);
    const whole = new HistoryFilter([{ kind: "bus", bus: 0 }]);
    expect([byId.keeps(0, 0x4, 0), byId.keeps(0, 0x4, error), whole.keeps(0, 0x4, error)]).toEqual([true, false, true]);
  });
});

describe("framesFor", () => {
  it(`asks for the frames that are kept, and no others (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const pick = (below: number): number => Math.floor(random() * below);
    const wishes: HistoryWish[] = [{ kind: "bus", bus: 2 }];
    const ids: { id: number; flags: number }[] = [];
    for (let count = 0; count < 40; count++) {
      const [short, long] = [pick(0x800), pick(2 ** 29)];
      wishes.push({ kind: "id", bus: pick(2), id: short, extended: false });
      wishes.push({ kind: "id", bus: pick(2), id: long, extended: true });
      wishes.push({ kind: "pgn", bus: pick(2), pgn: pgnOf(pick(2 ** 29)) });
      ids.push({ id: short, flags: 0 }, { id: long, flags: extended }, { id: short, flags: extended });
    }
    for (const wish of wishes) {
      if (wish.kind !== "pgn") continue;
      // Any priority, destination and source; and the groups beside it.
      const near = (wish.pgn << 8) ^ (1 << pick(29));
      ids.push({ id: near, flags: extended }, { id: (wish.pgn << 8) + pick(256) + pick(8) * 2 ** 26, flags: extended });
    }
    const filter = new HistoryFilter(wishes);
    const asked = new Map(framesFor(wishes, ["a", "b", "c"]).map(({ bus, filters }) => [bus, filters]));
    for (const [bus, name] of ["a", "b", "c"].entries()) {
      const receives = new ReceiveFilter(asked.get(name) ?? []);
      const kept = ids.map(({ id, flags }) => filter.keeps(bus, id, flags));
      expect(ids.map(({ id, flags }) => receives.accepts(id, flags))).toEqual(kept);
      expect(kept.filter(Boolean).length).toBeGreaterThan(40);
    }
  });
});

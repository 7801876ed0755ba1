import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EVERY_FRAME, type FrameFilter } from "../../../agent/ports/can-bus.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { type Interest, undescribedBuses, WantedSignals } from "../../../agent/signals/wanted-signals.ts";
import { ReceiveFilter } from "../../../drivers/can/filter.ts";
import { FakeCanBus } from "../../fakes/ports/can-bus.ts";

/** Two buses with five messages of three signals, of which one is known by its PGN, and a bus without a DBC file. */
function rig() {
  const message = (id: number, name: string): string =>
    `BO_ ${id} ${name}: 8 X\n${["A", "B", "C"].map((signal, at) => ` SG_ ${signal} : ${at * 8}|8@1+ (1,0) [0|0] "" X\n`).join("")}`;
  const of = (...texts: readonly string[]) => parseDbc(texts.join("")).database;
  const byPgn = of(message(0x98fe_f1fe, "Cruise"));
  const table = createSignalTable([
    { bus: "can0", database: of(message(0x100, "M0"), message(0x101, "M1"), message(0x102, "M2")) },
    { bus: "can1", database: of(message(0x100, "N0")) },
    { bus: "can1", database: { ...byPgn, messages: byPgn.messages.map((one) => ({ ...one, pgn: 0xfef1 })) } },
  ]);
  const buses = ["can0", "can1", "can9"].map((name) => new FakeCanBus(name));
  const wanted = new WantedSignals(table);
  for (const bus of buses) wanted.attach(bus);
  return { table, buses, wanted, last: () => buses.map(({ filterLists }) => filterLists.at(-1) ?? []) };
}

const ofId = (id: number): FrameFilter => ({ id, mask: 0x7ff, extended: false });
const signals = (...indexes: readonly number[]): Interest => ({ signals: indexes, frames: [] });

describe("WantedSignals", () => {
  it("receives and decodes nothing while nobody wants anything", () => {
    const { table, last, wanted } = rig();
    expect(wanted.hasNarrowed("can0")).toBe(false);
    wanted.settle();
    expect(last()).toEqual([[], [], []]);
    expect([...table.wanted]).toEqual(Array.from({ length: 15 }, () => 0));
    expect(wanted.hasNarrowed("can0")).toBe(true);
    expect(wanted.hasNarrowed("can9")).toBe(false);
  });

  it("receives what it received before when every signal is wanted", () => {
    const { table, last, wanted } = rig();
    wanted.want("campaigns", signals(...table.signals.map(({ index }) => index)));
    wanted.hold("buses without DBC files", undescribedBuses(table, ["can0", "can1", "can9"]));
    expect(last()).toEqual(["can0", "can1", "can9"].map((bus) => table.bus(bus).filters));
    expect(last()[2]).toBe(EVERY_FRAME);
    expect([...table.wanted]).toEqual(Array.from({ length: 15 }, () => 1));
    expect(["can0", "can1", "can9"].map((bus) => wanted.hasNarrowed(bus))).toEqual([false, false, false]);
  });

  it("holds what several want until the last of them lets go, once each", () => {
    const { table, last, wanted } = rig();
    const release = [wanted.want("one", signals(0, 4)), wanted.want("other", signals(4))];
    wanted.settle();
    expect(last()[0]).toEqual([ofId(0x100), ofId(0x101)]);
    release[0]();
    release[0]();
    wanted.settle();
    expect(last()[0]).toEqual([ofId(0x101)]);
    expect([...table.wanted.keys()].filter((index) => table.wanted[index] === 1)).toEqual([4]);
    release[1]();
    wanted.settle();
    expect(last()[0]).toEqual([]);
  });

  it("changes nothing before it settles, and then only what differs", () => {
    const { table, buses, wanted } = rig();
    const release = wanted.want("old", signals(0, 9));
    wanted.settle();
    const lists = buses.map(({ filterLists }) => filterLists.length);
    const decoders = table.messages.map(({ decode }) => decode);
    release();
    wanted.want("new", signals(0, 9, 10));
    expect(wanted.isDirty).toBe(true);
    expect(table.messages.map(({ decode }) => decode)).toEqual(decoders);
    wanted.settle();
    expect(wanted.isDirty).toBe(false);
    expect(buses.map(({ filterLists }) => filterLists.length)).toEqual(lists);
    expect(table.messages.filter(({ decode }, at) => decode !== decoders[at]).map(({ name }) => name)).toEqual(["N0"]);
    expect(wanted.counters()).toEqual({ changes: 2, filterLists: 2, decoders: 5 + 1 });
    wanted.settle();
    expect(wanted.counters().changes).toBe(2);
  });

  it("lets through frames that are wanted as they are, up to the whole bus", () => {
    const { table, last, wanted } = rig();
    const frames = (bus: string, ...filters: readonly FrameFilter[]): Interest => ({
      signals: [],
      frames: [{ bus, filters }],
    });
    wanted.want("signal", signals(0, 3, 6));
    const release = [
      wanted.want("box", frames("can0", ofId(0x100), ofId(0x7df))),
      wanted.want("log", frames("can0", ...EVERY_FRAME)),
    ];
    wanted.settle();
    expect(last()).toEqual([EVERY_FRAME, [], []]);
    expect(wanted.hasNarrowed("can0")).toBe(false);
    release[1]();
    wanted.settle();
    expect(last()).toEqual([[ofId(0x100), ofId(0x101), ofId(0x102), ofId(0x7df)], [], []]);
    expect([...table.wanted].reduce((sum, one) => sum + one, 0)).toBe(3);
    expect(wanted.list()).toEqual([
      { name: "signal", signals: 3, buses: ["can0"] },
      { name: "box", signals: 0, buses: ["can0"] },
    ]);
  });

  it("holds at once what must not wait for the next time that it settles", () => {
    const { last, wanted } = rig();
    const release = wanted.hold("capture", wanted.everyFrame(undefined));
    expect(last()).toEqual([EVERY_FRAME, EVERY_FRAME, EVERY_FRAME]);
    const one = wanted.hold("other capture", wanted.everyFrame("can1"));
    release();
    expect(last()).toEqual([[], EVERY_FRAME, []]);
    one();
    expect(last()).toEqual([[], [], []]);
  });

  it("asks no bus for frames of messages that come as PDUs", () => {
    const database = parseDbc(`BO_ 2024 Engine: 8 X\n SG_ Load : 16|8@1+ (1,0) [0|0] "" X\n`).database;
    const table = createSignalTable([{ bus: "can0", database, carriage: "pdus" }]);
    const bus = new FakeCanBus("can0");
    const wanted = new WantedSignals(table);
    wanted.attach(bus);
    wanted.hold("somebody", signals(0));
    expect([table.wanted[0], bus.filterLists.at(-1) ?? []]).toEqual([1, []]);
    expect(wanted.hasNarrowed("can0")).toBe(false);
    expect(undescribedBuses(table, ["can0"]).frames).toEqual([{ bus: "can0", filters: EVERY_FRAME }]);
  });

  it("is as the set of what is held, whatever comes and goes", () => {
    const { table, buses, wanted } = rig();
    type Own = { readonly interest: Interest; readonly release: () => void };
    const held: Own[] = [];
    const interests = fc.record({
      signals: fc.uniqueArray(fc.nat(14), { maxLength: 4 }),
      ids: fc.uniqueArray(fc.constantFrom(0x0ff, 0x100, 0x101), { maxLength: 2 }),
    });
    const step = fc.oneof(interests, fc.nat(20));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
        for (const one of steps) {
          if (typeof one === "number") held.splice(one, 1)[0]?.release();
          else {
            const interest = { signals: one.signals, frames: [{ bus: "can1", filters: one.ids.map(ofId) }] };
            held.push({ interest, release: wanted.want("any", interest) });
          }
        }
        wanted.settle();
        const isHeld = (index: number): boolean => held.some(({ interest }) => interest.signals.includes(index));
        expect([...table.wanted]).toEqual(table.signals.map(({ index }) => Number(isHeld(index))));
        for (const { name, filterLists } of buses) {
          const filter = new ReceiveFilter(filterLists.at(-1) ?? []);
          const isNamed = (id: number): boolean =>
            held.some(({ interest }) =>
              interest.frames.some((own) => own.bus === name && own.filters.some((one) => one.id === id)),
            );
          const isWanted = (id: number, extended: boolean): boolean =>
            table.signals.some((one) => {
              const isMeant = one.extended ? extended && (id & 0x3ff_ff00) === 0xfe_f100 : id === one.arbitrationId;
              return one.bus === name && isMeant && one.extended === extended && isHeld(one.index);
            });
          for (const id of [0x0ff, 0x100, 0x101, 0x102, 0x103]) {
            expect(filter.accepts(id, 0)).toBe(isNamed(id) || isWanted(id, false));
          }
          expect(filter.accepts(0x0cfe_f121, FRAME_FLAG.extended)).toBe(isWanted(0x0cfe_f121, true));
          expect(filter.accepts(0x0cfe_f221, FRAME_FLAG.extended)).toBe(false);
        }
      }),
      { numRuns: 500, seed: 14 },
    );
  });
});

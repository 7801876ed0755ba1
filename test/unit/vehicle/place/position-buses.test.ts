import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BusSink } from "../../../../agent/ports/can-bus.ts";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import type { SignalEntry } from "../../../../agent/signals/signal-entry.ts";
import { findSignal } from "../../../../agent/signals/signal-names.ts";
import { matchedBy } from "../../../../agent/signals/table-source.ts";
import { HiddenFrames } from "../../../../agent/vehicle/place/hidden-frames.ts";
import { PositionBuses } from "../../../../agent/vehicle/place/position-buses.ts";
import { PositionFrames } from "../../../../agent/vehicle/place/position-frames.ts";

const SEED = 17;
// PGN 129025 and, as a fast packet, 129029 of NMEA 2000, from source 0x12; and a message of 11 bits.
const POSITION = 0x09f8_0112;
const FIX = 0x0df8_0512;
const DBC = `VERSION ""
BU_: X
BO_ ${0x8000_0000 + POSITION} Position: 8 X
 SG_ Latitude : 0|32@1- (1e-7,0) [-90|90] "deg" X
 SG_ Longitude : 32|32@1- (1e-7,0) [-180|180] "deg" X
BO_ ${0x8000_0000 + FIX} Fix: 43 X
 SG_ Satellites : 264|8@1+ (1,0) [0|0] "" X
BO_ 256 Gps: 8 X
 SG_ Lat : 0|32@1- (1e-7,0) [-90|90] "deg" X
BO_ 512 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.01,0) [0|0] "km/h" X
`;
const database = matchedBy(parseDbc(DBC).database, "pgn");
const sources = [{ bus: "can0", database }];
const table = createSignalTable(sources);

function signal(name: string): SignalEntry {
  const found = findSignal(table, name);
  if (found.kind === "unfit") throw new Error(found.problem);
  return found.signal;
}

function degrees(latitude: number, longitude: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setInt32(0, latitude * 1e7, true);
  view.setInt32(4, longitude * 1e7, true);
  return new Uint8Array(view.buffer);
}

type Sent = readonly [id: number, flags: number, data: Uint8Array];

function batchOf(frames: readonly Sent[]): FrameBatch {
  const batch = new FrameBatch(64);
  frames.forEach(([id, flags, data], at) => batch.push(id, flags, data, at + 1));
  return batch;
}

const seenBy = (sink: string[]): BusSink => ({
  onFrames: (batch) => {
    for (let at = 0; at < batch.count; at++) {
      const { id, data, receivedAtUs } = batch.frame(at);
      sink.push(`${receivedAtUs} ${id.toString(16)} ${Buffer.from(data).toString("hex")}`);
    }
  },
  onState: (state) => void sink.push(state),
});

const MESSAGES = table.messages.filter(({ name }) => name !== "Drive");

function rig(read: readonly SignalEntry[] = [signal("Position.Latitude"), signal("Position.Longitude")]) {
  const privacy = { isHiding: true };
  const frames = new PositionFrames(sources, read);
  const hidden = new Map([["can0", new HiddenFrames(MESSAGES)]]);
  const buses = new PositionBuses(frames, hidden, () => privacy.isHiding);
  const seen: string[] = [];
  return { privacy, frames, buses, seen, sink: buses.besides("can0", seenBy(seen)) };
}

describe("frames that say where the vehicle is", () => {
  it("are read, and go no further while that stays in the vehicle; whoever sends them", () => {
    const { privacy, frames, buses, seen, sink } = rig();
    const speed: Sent = [512, 0, Uint8Array.of(1, 2)];
    const sent: readonly Sent[] = [
      [POSITION, FRAME_FLAG.extended, degrees(48.5, 10.5)],
      speed,
      [256, 0, degrees(48.3687, 0)],
      [0x0df8_0133, FRAME_FLAG.extended, Uint8Array.of(0, 43, 1, 2, 3, 4, 5, 6)],
    ];
    sink.onFrames(batchOf(sent.slice(0, 3)));
    sink.onState("up", "");
    expect(seen).toEqual(["2 200 0102", "up"]);
    expect(buses.withheld()).toBe(2);
    const entry = frames.entryOf(signal("Position.Latitude"));
    expect(frames.latest.read(entry)?.value).toBe(48.5);
    sink.onFrames(batchOf(sent.slice(3)));
    expect([seen.length, buses.withheld()]).toEqual([2, 3]);
    // As any signal of J1939: of two senders none is guessed.
    expect(frames.latest.read(entry)).toBeUndefined();
    privacy.isHiding = false;
    seen.length = 0;
    sink.onFrames(batchOf(sent));
    expect(seen).toHaveLength(4);
    expect(buses.withheld()).toBe(3);
  });

  it("leave all others in order, and error frames", () => {
    const ids = fc.constantFrom(POSITION, 0x0df8_0577, 256, 512, 513, 0x100, 0x18fe_f100);
    const sent = fc.array(fc.tuple(ids, fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(sent, (chosen) => {
        const { seen, sink } = rig();
        const frames = chosen.map(([id, isError], at): Sent => {
          const flags = (id > 0x7ff ? FRAME_FLAG.extended : 0) | (isError ? FRAME_FLAG.error : 0);
          return [id, flags, Uint8Array.of(at)];
        });
        sink.onFrames(batchOf(frames));
        const left = frames.flatMap(([id, flags, data], at) => {
          const isPosition = [POSITION, 0x0df8_0577, 256].includes(id) && (flags & FRAME_FLAG.error) === 0;
          return isPosition ? [] : [`${at + 1} ${id.toString(16)} ${Buffer.from(data).toString("hex")}`];
        });
        expect(seen).toEqual(left);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("are put together where they come in several", () => {
    const { frames, sink } = rig([signal("Fix.Satellites")]);
    const content = new Uint8Array(43).fill(0xff);
    content[33] = 9;
    for (let part = 0, at = 0; at < 43; part++) {
      const size = part === 0 ? 6 : 7;
      const head = part === 0 ? [part, 43] : [part];
      const data = Uint8Array.of(...head, ...content.subarray(at, at + size));
      sink.onFrames(batchOf([[FIX, FRAME_FLAG.extended, data]]));
      at += size;
    }
    const entry = frames.entryOf(signal("Fix.Satellites"));
    expect(frames.latest.read(entry)?.value).toBe(9);
  });

  it("are asked for from the buses, and nothing else is", () => {
    const { frames, buses, seen } = rig();
    expect(frames.frames().map(({ bus, filters }) => [bus, filters.length])).toEqual([["can0", 1]]);
    const sink = seenBy(seen);
    expect(buses.besides("can1", sink)).toBe(sink);
  });
});

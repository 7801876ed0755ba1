import { describe, expect, it } from "vitest";
import { MessageLine } from "../../../../agent/diagnostics/j1939/message-line.ts";
import { NodeList } from "../../../../agent/diagnostics/j1939/node-list.ts";
import { J1939TestBus } from "../../../fakes/diagnostics/j1939-bus.ts";

const CLAIM = "10F7450100450001";
const NAME = 0x0100_4500_0145_f710n;

function listening() {
  const bus = new J1939TestBus();
  const list = new NodeList();
  const tap = bus.tap();
  tap.on([{ id: 0, mask: 0, extended: true }], (frame) => list.take(frame));
  return { bus, list, tap };
}

describe("the nodes of a bus", () => {
  it("are who claims and who sends, each address once", () => {
    const { bus, list } = listening();
    bus.put("0CF00400#FFFFFF0000FFFFFF");
    bus.put(`18EEFF03#${CLAIM}`);
    bus.put("0CF00400#FFFFFF0000FFFFFF");
    const lastSeenUs = bus.clock.wallUs();
    expect(list.nodes()).toEqual([
      { address: 0, name: undefined, frames: 2, lastSeenUs },
      { address: 3, name: NAME, frames: 1, lastSeenUs },
    ]);
    expect([list.holder(0), list.holder(3), list.holder(4)]).toEqual([undefined, NAME, undefined]);
  });

  it("leave the address before when they claim another, or none", () => {
    const { bus, list } = listening();
    bus.put(`18EEFF03#${CLAIM}`);
    bus.put(`18EEFF80#${CLAIM}`);
    expect(list.nodes().map(({ address }) => address)).toEqual([128]);
    bus.put(`18EEFFFE#${CLAIM}`);
    expect([list.nodes(), list.withoutAddress]).toEqual([[], 1]);
  });
});

describe("the messages of a bus", () => {
  it("are listened to while somebody wants them, and each is given once to each", () => {
    const { bus, tap } = listening();
    const line = new MessageLine(tap);
    const taken: string[] = [];
    const frames = ["1CECFF00#20090002FFCAFE00", "1CEBFF00#0104FF6400010565", "1CEBFF00#02000105FFFFFFFF"];
    const release = line.on([65_226], ({ source, data }) => taken.push(`one ${source} ${data.length}`));
    const releaseOther = line.on([65_227], () => taken.push("other group"));
    for (const frame of frames) bus.put(frame);
    bus.put("18FECA03#04FF64000105FFFF");
    expect(taken).toEqual(["one 0 9", "one 3 8"]);
    release();
    for (const frame of frames) bus.put(frame);
    expect([taken.length, line.counts.assembled]).toEqual([2, 1]);
    releaseOther();
    bus.put("1CECFF00#20090003FFCAFE00");
    const malformed = line.counts.malformed;
    const again = line.on([65_226], ({ data }) => taken.push(`again ${data.length}`));
    bus.put("1CECFF00#20090003FFCAFE00");
    // Once: nothing of before listens any more.
    expect(line.counts.malformed).toBe(malformed + 1);
    for (const frame of frames) bus.put(frame);
    expect(taken.slice(2)).toEqual(["again 9"]);
    again();
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SentMessage } from "../../../../agent/diagnostics/j1939/send-message.ts";
import { pgnOf } from "../../../../agent/signals/pgn.ts";
import { J1939TestBus, messagesOf, type TestNode } from "../../../fakes/diagnostics/j1939-bus.ts";

const SEED = 1785;
const never = new AbortController().signal;
const DATA = 0xeb00;

async function claimed(bus: J1939TestBus, address: number): Promise<TestNode> {
  const made = bus.node(BigInt(address), address);
  void made.node.request(65_227, 255, "poll", never);
  await bus.clock.run(2000);
  bus.taken();
  return made;
}
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at & 0xff);

describe("transfers to this node", () => {
  // test_peer_to_peer_receive_long of python-can-j1939 (test/test_ecu.py): one packet at a time.
  it("are steered as the sender can bear it", async () => {
    const bus = new J1939TestBus();
    const { line, node } = await claimed(bus, 2);
    const messages = messagesOf(line, [65_200]);
    for (const frame of [
      "00EC0201#1014000301B0FE00",
      "00EB0201#0101020304050607",
      "00EB0201#0201020304050607",
      "00EB0201#03010203040506FF",
    ]) {
      bus.put(frame);
      await bus.clock.run(1);
    }
    expect(bus.taken().filter((text) => text.startsWith("1CEC0102"))).toEqual([
      "1CEC0102#110101FFFFB0FE00",
      "1CEC0102#110102FFFFB0FE00",
      "1CEC0102#110103FFFFB0FE00",
      "1CEC0102#13140003FFB0FE00",
    ]);
    expect(messages.map(({ data }) => [...data])).toEqual([
      [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6],
    ]);
    expect(node.state().transfers).toEqual({ open: 0, finished: 1, repeated: 0, failed: 0 });
  });

  it("have missing packets sent again, as soon as the last one came", async () => {
    const bus = new J1939TestBus();
    const { line } = await claimed(bus, 2);
    const messages = messagesOf(line, [65_200]);
    bus.put("1CEC0201#10140003FFB0FE00");
    bus.put("1CEB0201#0101020304050607");
    bus.put("1CEB0201#03010203040506FF");
    await bus.clock.run(1);
    expect(bus.taken().at(-1)).toBe("1CEC0102#110202FFFFB0FE00");
    bus.put("1CEB0201#0201020304050607");
    bus.put("1CEB0201#03010203040506FF");
    await bus.clock.run(1);
    expect(messages).toHaveLength(1);
    expect(bus.taken().at(-1)).toBe("1CEC0102#13140003FFB0FE00");
  });

  it("are given up when the sender stays silent: asked again twice, then aborted for want of time", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus, 2);
    bus.put("1CEC0201#10140003FFB0FE00");
    await bus.clock.run(4000);
    expect(bus.taken().slice(1)).toEqual([
      "1CEC0102#110301FFFFB0FE00",
      "1CEC0102#110301FFFFB0FE00",
      "1CEC0102#110301FFFFB0FE00",
      "1CEC0102#FF03FFFFFFB0FE00",
    ]);
    expect(node.state().transfers).toEqual({ open: 0, finished: 0, repeated: 6, failed: 1 });
  });

  it("end when the sender aborts or begins anew, and are refused where they cannot be or are too many", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus, 2);
    bus.put("1CEC0201#10140003FFB0FE00");
    bus.put("1CEC0201#10140003FFB0FE00");
    bus.put("1CEC0201#FF01FFFFFFB1FE00");
    expect(node.state().transfers.open).toBe(1);
    bus.put("1CEC0201#FF01FFFFFFB0FE00");
    expect(node.state().transfers.open).toBe(0);
    bus.put("1CEC0201#10140004FFB0FE00");
    bus.put("1CEC0201#10FA0900FFB0FE00");
    await bus.clock.run(1);
    expect(bus.taken().filter((text) => text.startsWith("1CEC0102#FF"))).toEqual([
      "1CEC0102#FF02FFFFFFB0FE00",
      "1CEC0102#FF09FFFFFFB0FE00",
    ]);
    expect(node.state().transfers).toMatchObject({ open: 0, failed: 4 });
    for (let source = 10; source < 40; source += 1) bus.put(`1CEC02${source}#10140003FFB0FE00`);
    expect(node.state().transfers).toMatchObject({ open: 16, failed: 18 });
  });

  it("to others are none of its business", async () => {
    const bus = new J1939TestBus();
    await claimed(bus, 2);
    bus.put("1CEC0301#10140003FFB0FE00");
    bus.put("1CECFF01#20140003FFB0FE00");
    await bus.clock.run(5000);
    expect(bus.taken()).toHaveLength(2);
  });
});

describe("messages of this node", () => {
  it("go out in one frame where they fit", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus, 0x90);
    // test_peer_to_peer_send_short of python-can-j1939, with a group that has a destination.
    await node.send({ pgn: 0xef00, to: 0x9b, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }, "command", never);
    expect(bus.taken()).toEqual(["18EF9B90#0102030405060708"]);
  });

  // test_broadcast_send_long of python-can-j1939.
  it("are announced to all, and follow 50 ms apart", async () => {
    const bus = new J1939TestBus();
    const { node, tester } = await claimed(bus, 0x90);
    tester.whos.splice(0);
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6);
    const sent = node.send({ pgn: 65_200, to: 255, data }, "command", never);
    await bus.clock.run(149);
    expect(bus.log).toHaveLength(3);
    await bus.clock.run(1);
    expect(await sent).toEqual({ kind: "sent" });
    expect(bus.taken()).toEqual([
      "1CECFF90#20140003FFB0FE00",
      "1CEBFF90#0101020304050607",
      "1CEBFF90#0201020304050607",
      "1CEBFF90#03010203040506FF",
    ]);
    expect(tester.whos).toEqual(["command", "transport", "transport", "transport"]);
  });

  // test_peer_to_peer_send_long of python-can-j1939: the receiver takes one packet at a time.
  it("go to one node as it asks for them, wait when it says so, and end with its acknowledgement", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus, 0x90);
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6);
    const sent = node.send({ pgn: 57_088, to: 0x9b, data }, "command", never);
    for (const frame of [
      "1CEC909B#110101FFFF00DF00",
      "1CEC909B#1100FFFFFF00DF00",
      "1CEC909B#110202FFFF00DF00",
      "1CEC909B#13140003FF00DF00",
    ]) {
      await bus.clock.run(1000);
      bus.put(frame);
    }
    await bus.clock.run(1);
    expect(await sent).toEqual({ kind: "sent" });
    expect(bus.taken().filter((text) => text.includes("9B90#"))).toEqual([
      "1CEC9B90#10140003FF00DF00",
      "1CEB9B90#0101020304050607",
      "1CEB9B90#0201020304050607",
      "1CEB9B90#03010203040506FF",
    ]);
  });

  it("say so when the receiver is silent, or refuses", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus, 0x90);
    const silent = node.send({ pgn: 57_088, to: 0x9b, data: bytes(20) }, "command", never);
    await bus.clock.run(1250);
    expect(await silent).toEqual({ kind: "silent", waitedMs: 1250 });
    expect(bus.taken().at(-1)).toBe("1CEC9B90#FF03FFFFFF00DF00");
    const unfinished = node.send({ pgn: 57_088, to: 0x9b, data: bytes(20) }, "command", never);
    await bus.clock.run(1);
    bus.put("1CEC909B#110301FFFF00DF00");
    await bus.clock.run(1250);
    expect(await unfinished).toEqual({ kind: "silent", waitedMs: 1250 });
    const refused = node.send({ pgn: 57_088, to: 0x9b, data: bytes(20) }, "command", never);
    await bus.clock.run(1);
    bus.put("1CEC909B#FF02FFFFFF00DF00");
    await bus.clock.run(1);
    expect(await refused).toEqual({ kind: "refused", why: "it has no room" });
  });
});

describe("two nodes", () => {
  it("bring messages of any length over to each other, whatever packets are lost once", {
    timeout: 60_000,
  }, async () => {
    console.log(`seed ${SEED}`);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1785 }),
        fc.boolean(),
        fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { maxLength: 12 }),
        async (length, toAll, lost) => {
          const bus = new J1939TestBus();
          const sender = await claimed(bus, 1);
          const receiver = await claimed(bus, 2);
          const messages = messagesOf(receiver.line, [0xef00]);
          const left = new Set(toAll ? [] : lost);
          bus.isLost = ({ id, data }) => pgnOf(id) === DATA && left.delete(data[0]);
          const data = bytes(length);
          let sent: SentMessage | { readonly kind: "no-address" } | undefined;
          void sender.node.send({ pgn: 0xef00, to: toAll ? 255 : 2, data }, "command", never).then((became) => {
            sent = became;
          });
          await bus.clock.run(toAll ? 14_000 : 3000);
          // More gaps than the receiver may ask about: it asks from the first one on, and so hears the others again.
          expect(sent).toEqual({ kind: "sent" });
          expect(messages.map((message) => Buffer.from(message.data).toString("hex"))).toEqual([
            Buffer.from(data).toString("hex"),
          ]);
        },
      ),
      { seed: SEED, numRuns: 40 },
    );
  });
});

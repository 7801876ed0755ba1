import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CanFrame, FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { ElementReader, MAX_ELEMENT_BYTES, wordsOf } from "../../../../drivers/can/socketcand-elements.ts";
import { FieldReader } from "../../../../drivers/can/socketcand-fields.ts";
import { FrameParser, formatReceived, formatSend, parseSend } from "../../../../drivers/can/socketcand-protocol.ts";

const { extended, error, fd, bitRateSwitch, errorStateIndicator } = FRAME_FLAG;

/** Cuts `text` into pieces of `pieceBytes` and parses what comes out. */
function parseAll(text: string, pieceBytes = text.length): { readonly kinds: string[]; readonly frames: CanFrame[] } {
  const parser = new FrameParser();
  const batch = new FrameBatch(1000);
  const kinds: string[] = [];
  const reader = new ElementReader((bytes, start, end) => kinds.push(parser.parse(bytes, start, end, batch)));
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.feed(bytes.subarray(at, at + pieceBytes));
  return { kinds, frames: Array.from({ length: batch.count }, (_, index) => batch.frame(index)) };
}

function parseOneSend(text: string): CanFrame | "other" | "malformed" {
  const bytes = Buffer.from(text);
  return parseSend(new FieldReader(), bytes, 1, bytes.length - 1);
}

const anyFrame = fc
  .record({
    wide: fc.boolean(),
    fast: fc.boolean(),
    brs: fc.boolean(),
    esi: fc.boolean(),
    id: fc.integer({ min: 0, max: 0x1fff_ffff }),
    data: fc.uint8Array({ maxLength: 64 }),
    us: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
  })
  .map(({ wide, fast, brs, esi, id, data, us }): CanFrame => {
    const fdFlags = fast ? fd | (brs ? bitRateSwitch : 0) | (esi ? errorStateIndicator : 0) : 0;
    return {
      id: wide ? id : id & 0x7ff,
      flags: fdFlags | (wide ? extended : 0),
      data: fast ? data : data.slice(0, 8),
      receivedAtUs: us,
    };
  });

describe("FrameParser", () => {
  it("reads the example of socketcand's protocol document", () => {
    const { frames } = parseAll("< frame 123 23.424242 1A220344 >");
    expect(frames).toEqual([
      { id: 0x123, flags: 0, data: Uint8Array.of(0x1a, 0x22, 0x03, 0x44), receivedAtUs: 23_424_242 },
    ]);
  });

  it("takes an id of 8 digits for 29 bits, and data bytes that stand apart as in BCM mode", () => {
    const { frames } = parseAll("< frame 00000123 1735270496.916858 11 22 33  ><frame 7FF 1.000001  >");
    expect(frames).toEqual([
      { id: 0x123, flags: extended, data: Uint8Array.of(0x11, 0x22, 0x33), receivedAtUs: 1_735_270_496_916_858 },
      { id: 0x7ff, flags: 0, data: new Uint8Array(), receivedAtUs: 1_000_001 },
    ]);
  });

  it("tells error frames from complaints of the server", () => {
    const text = "< error 040 12.5 >< error could not open bus >< error 004 12.5 0010000000000000 >< ok >";
    const { kinds, frames } = parseAll(text);
    expect(kinds).toEqual(["error-frame", "other", "error-frame", "other"]);
    expect(frames.map((frame) => [frame.id, frame.flags, frame.data.length])).toEqual([
      [0x40, error, 0],
      [0x04, error, 8],
    ]);
    expect(frames[0].receivedAtUs).toBe(12_500_000);
  });

  it.each([
    "< frame >",
    "< frame 123 >",
    "< frame 123 1735270496 00 >",
    "< frame 800 1.0 00 >",
    "< frame 20000000 1.0 00 >",
    "< frame 123 1.0 0 >",
    "< frame 123 1.0 0G >",
    "< frame 123 1.0 001122334455667788 >",
    "< frame -12 1.0 00 >",
    "< fdframe 123 1.0 00 >",
  ])("refuses %s", (text) => {
    expect(parseAll(text)).toEqual({ kinds: ["malformed"], frames: [] });
  });

  it("reads back every frame it writes, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        (frames, cut) => {
          expect(parseAll(frames.map(formatReceived).join(""), cut).frames).toEqual(frames);
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  it("survives any bytes and goes on with the next frame", () => {
    const good = "< frame 123 1.000000 AA >";
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.integer({ min: 1, max: 700 }), (noise, cut) => {
        const { frames } = parseAll(`${Buffer.from(noise).toString("latin1")}>${good}`, cut);
        expect(frames.at(-1)).toMatchObject({ id: 0x123, data: Uint8Array.of(0xaa) });
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});

describe("ElementReader", () => {
  it("keeps no more than one element, however long an unclosed one grows", () => {
    const elements: string[] = [];
    const reader = new ElementReader((bytes, start, end) => elements.push(wordsOf(bytes, start, end).join(" ")));
    for (let round = 0; round < 100; round += 1) reader.feed(Buffer.alloc(1000, round === 0 ? "<" : "a"));
    expect(reader.skippedBytes).toBeGreaterThan(90_000);
    reader.feed(Buffer.from("> < ok >"));
    expect(elements.at(-1)).toBe("ok");
  });

  it("skips an element over the bound that came in one piece", () => {
    const elements: string[] = [];
    const reader = new ElementReader((bytes, start, end) => elements.push(wordsOf(bytes, start, end).join(" ")));
    reader.feed(Buffer.from(`<${"a".repeat(MAX_ELEMENT_BYTES + 1)}>< ok >`));
    expect(elements).toEqual(["ok"]);
  });
});

describe("parseSend", () => {
  it("reads what python-can sends", () => {
    // convert_can_message_to_ascii_message: length in hexadecimal, bytes unpadded.
    expect(parseOneSend("< send 1AAAAAAA 2 1 f1 >")).toEqual({
      id: 0x1aaa_aaaa,
      flags: extended,
      data: Uint8Array.of(0x01, 0xf1),
      receivedAtUs: 0,
    });
    expect(parseOneSend("< send 123 0  >")).toMatchObject({ id: 0x123, flags: 0, data: new Uint8Array() });
  });

  it.each(["< send 123 2 1 >", "< send 123 1 1 2 >", "< send 123 9 1 2 3 4 5 6 7 8 9 >", "< send 123 1 100 >"])(
    "refuses %s",
    (text) => {
      expect(parseOneSend(text)).toBe("malformed");
    },
  );

  it("reads back every frame that formatSend writes", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        expect(parseOneSend(formatSend(frame))).toEqual({ ...frame, receivedAtUs: 0 });
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

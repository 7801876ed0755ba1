import { describe, expect, it } from "vitest";
import { canSignal, like, messageBytes, reader } from "../../../fakes/fleetwise/messages.ts";

const manifestOf = (fields: Readonly<Record<string, unknown>>) => {
  const read = reader.manifest(messageBytes("DecoderManifest", { sync_id: "dm-1", ...fields }));
  if (read.kind === "unreadable") throw new Error(read.problem);
  return read.document;
};
const signalOf = (fields: Readonly<Record<string, unknown>>) => {
  const { signals, refused } = manifestOf({ can_signals: [canSignal(fields)] });
  return signals[0] ?? refused[0]?.problem;
};

describe("a decoder manifest", () => {
  // Bytes of campaigns.md, section 7, which FWE's own .proto files gave.
  it("is read from the bytes that the reference agent takes", () => {
    const hex = "0a04646d2d311225080a120463616e3018a302200130103900000000000044c041000000000000e03f480c5003";
    expect(reader.manifest(Buffer.from(hex, "hex"))).toEqual({
      kind: "read",
      document: {
        syncId: "dm-1",
        refused: [],
        signals: [
          {
            id: 10,
            interfaceId: "can0",
            arbitrationId: 0x123,
            extended: false,
            startBit: 11,
            bits: 12,
            byteOrder: "big",
            kind: "integer",
            signed: false,
            factor: 0.5,
            offset: -40,
            type: "uint16",
          },
        ],
      },
    });
  });

  it.each([
    ["11 bits", 0x7ff, { arbitrationId: 0x7ff, extended: false }],
    ["29 bits by its size", 0x800, { arbitrationId: 0x800, extended: true }],
    ["29 bits by the flag of SocketCAN", 0x8000_0123, { arbitrationId: 0x123, extended: true }],
    ["the largest", 0x1fff_ffff, { arbitrationId: 0x1fff_ffff, extended: true }],
  ])("gives an id of %s its length", (_what, message_id, expected) => {
    expect(signalOf({ message_id })).toMatchObject(expected);
  });

  it.each([
    ["integer", { length: 64 }, "integer"],
    ["single", { signal_value_type: 1, length: 32 }, "float"],
    ["double", { signal_value_type: 1, length: 64 }, "double"],
  ])("reads raw values that are %s", (_what, fields, kind) => {
    expect(signalOf(fields)).toMatchObject({ kind });
  });

  it.each([
    ["id 0", { signal_id: 0 }, /^signal_id: /],
    ["the top bit in its id", { signal_id: 0x8000_0001 }, /^signal_id: /],
    ["no interface", { interface_id: "" }, "interface_id: is empty"],
    ["no factor", { factor: 0 }, "factor: is 0, which makes every value the offset"],
    ["a factor that is no number", { factor: Number.NaN }, /^factor: /],
    ["an id of 30 bits", { message_id: 0x2000_0000 }, "message_id: 0x20000000 is not an id of 11 or 29 bits"],
    [
      "an id of 30 bits and the flag",
      { message_id: 0xa000_0000 },
      "message_id: 0xa0000000 is not an id of 11 or 29 bits",
    ],
    ["no bits", { length: 0 }, /^length: /],
    ["65 bits", { length: 65 }, /^length: /],
    ["bits behind the frame", { start_bit: 505, length: 8 }, "start_bit: 505 with 8 bits does not fit into a frame"],
    [
      "bits before the frame",
      { start_bit: 0, length: 9, is_big_endian: true },
      "start_bit: 0 with 9 bits does not fit into a frame",
    ],
    [
      "a floating point value of 16 bits",
      { signal_value_type: 1, length: 16 },
      "length: a floating point value has 32 or 64 bits, not 16",
    ],
    ["the type string", { primitive_type: 12 }, "primitive_type: no CAN signal is a string"],
    ["a type that it does not know", { primitive_type: 13 }, "primitive_type: is not known"],
  ])("leaves out a signal with %s, and says why", (_what, fields, problem) => {
    expect(signalOf(fields)).toEqual(typeof problem === "string" ? problem : like(problem));
  });

  it("keeps the others when it leaves signals out", () => {
    const { signals, refused } = manifestOf({
      can_signals: [canSignal({ signal_id: 1, length: 0 }), canSignal({ signal_id: 2 }), canSignal({ signal_id: 2 })],
      obd_pid_signals: [{ signal_id: 3 }],
      complex_signals: [{ signal_id: 4 }],
      custom_decoding_signals: [{ signal_id: 5 }],
    });
    expect(signals.map(({ id }) => id)).toEqual([2]);
    expect(refused).toEqual([
      { entry: "signal 1", problem: like(/^length: /) },
      { entry: "signal 2", problem: "is there twice" },
      { entry: "signal 3", problem: "interface_id: is empty" },
      { entry: "signal 4", problem: "is of a complex type, which no bus of this agent has" },
      { entry: "signal 5", problem: "has a decoder of its own kind, which this agent does not have" },
    ]);
  });

  // Layouts as FWE reads them: OBDDataDecoder.cpp, calculateValueFromFormula.
  it.each([
    ["two bytes", { byte_length: 2 }, { startBit: 23, bits: 16, arbitrationId: 0x0c, carriage: "pdus" }],
    ["a byte further on", { start_byte: 1 }, { startBit: 31, bits: 8 }],
    ["bits 4 to 7", { bit_right_shift: 4, bit_mask_length: 4 }, { startBit: 23, bits: 4, factor: 0.25 }],
    ["bit 0", { bit_mask_length: 1 }, { startBit: 16, bits: 1 }],
    ["two's complement", { byte_length: 2, is_signed: true }, { bits: 16, signed: true }],
    ["another service", { service_mode: 9 }, "service_mode: 9 is not polled, only 1"],
    ["bytes past the answer", { start_byte: 3 }, "start_byte: 3 with 1 bytes is past pid_response_length 3"],
    ["bits past the byte", { bit_right_shift: 6, bit_mask_length: 4 }, like(/^bit_right_shift: 6 with 4 bits/)],
    ["no scaling", { scaling: 0 }, like(/^scaling: is 0/)],
  ])("reads a PID of OBD-II with %s, or says why not", (_what, fields, expected) => {
    const pid = {
      signal_id: 20,
      interface_id: "obd",
      pid_response_length: 3,
      service_mode: 1,
      pid: 0x0c,
      scaling: 0.25,
      byte_length: 1,
      bit_mask_length: 8,
    };
    const { signals, refused } = manifestOf({ obd_pid_signals: [{ ...pid, ...fields }] });
    const read = signals[0] ?? refused[0]?.problem;
    if (signals.length === 0) expect(read).toEqual(expected);
    else expect(read).toMatchObject({ byteOrder: "big", interfaceId: "obd", ...Object(expected) });
  });

  it.each([
    ["bytes that are no protobuf", Buffer.from("ffffffffff", "hex"), /^is not a DecoderManifest in protobuf: /],
    ["a message that is cut", Buffer.from("0a04646d2d", "hex"), /^is not a DecoderManifest in protobuf: /],
    ["a manifest without id", new Uint8Array(), "sync_id: is empty"],
    ["131,073 bytes", new Uint8Array(131_073), "is 131073 bytes long, more than 131072"],
  ])("does not take %s", (_what, payload, problem) => {
    expect(reader.manifest(payload)).toEqual({
      kind: "unreadable",
      problem: typeof problem === "string" ? problem : like(problem),
    });
  });
});

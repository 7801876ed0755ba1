import { describe, expect, it } from "vitest";
import { createCommandReader, encodeCommandResponse } from "../../../../agent/commands/channels/command-messages.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";

const read = createCommandReader(readDescriptor("commands"));
const readHex = (hex: string) => read(Buffer.from(hex, "hex"));
const valueIn = (hex: string) => {
  const command = readHex(hex)?.command;
  return command?.kind === "actuate" ? command.value : undefined;
};

// Every request here was written by: protoc --encode=causeway.commands.v1.CommandRequest commands.proto
describe("requests in the protobuf flavour", () => {
  it("reads an actuator request", () => {
    expect(readHex("820103632d318801882792010e08ac021207646f6f72732d312000a00180d0eab6b733")).toEqual({
      commandId: "c-1",
      timeoutMs: 5000,
      issuedAtMs: 1_767_225_600_000,
      authorisation: undefined,
      command: { kind: "actuate", signalId: 300, manifest: "doors-1", value: { type: "boolean", value: false } },
    });
  });

  it.each([
    ["zero as a double", "820103632d3192010b0801190000000000000000", { type: "double", value: 0 }],
    ["half as a float", "820103632d319201070801 6d0000003f", { type: "float", value: 0.5 }],
    ["the empty text", "820103632d3192010408017200", { type: "string", value: "" }],
    ["the least int8", "820103632d31920105080128ff01", { type: "int8", value: -128 }],
    [
      "the least exact int64",
      "820103632d3192010b080158fdffffffffffff1f",
      { type: "int64", value: Number.MIN_SAFE_INTEGER },
    ],
  ])("reads %s", (_what, hex, value) => {
    expect(valueIn(hex.replace(" ", ""))).toEqual(value);
  });

  it.each([
    ["an int8 of 128", "820103632d319201050801288002"],
    ["a uint16 of 65536", "820103632d31920106080140808004"],
    ["an int64 beyond 2^53", "820103632d3192010b080158ffffffffffffff1f"],
    ["a message that is cut", "820103632d318801882792010e08ac021207646f6f"],
    ["bytes that are no protobuf", "ffffffffff"],
  ])("does not take %s", (_what, hex) => {
    expect(readHex(hex)).toBeUndefined();
  });

  it("reads a request of the last known state, and the authorisation that is a field of ours", () => {
    const templates = [
      { id: "doors", operation: "fetch_snapshot_operation", seconds: undefined },
      { id: "x", operation: "activate_operation", seconds: 5 },
    ];
    const hex = "820103632d319a01140a090a05646f6f727322000a070a017812020805";
    expect(readHex(hex)).toMatchObject({ timeoutMs: undefined, issuedAtMs: undefined });
    expect(readHex(hex)?.command).toEqual({ kind: "state", templates });
    expect(readHex("820103632d31c23e140a057665682d311001180220032a016b320201ff")?.authorisation).toEqual({
      thing: "veh-1",
      not_before_ms: 1,
      expires_at_ms: 2,
      counter: 3,
      key: "k",
      signature: Buffer.from([1, 255]),
    });
  });

  it("writes an answer as protoc does", () => {
    const response = {
      status: "FAILED",
      commandId: "c-1",
      reasonCode: 0x1_0002,
      reasonDescription: "no",
      result: { ok: true },
    } as const;
    // echo 'status: 4 command_id: "c-1" reason_code: 65538 reason_description: "no" result { key: "ok" value: "true" }' | protoc --encode=causeway.commands.v1.CommandResponse
    expect(Buffer.from(encodeCommandResponse(response)).toString("hex")).toBe(
      "08041203632d311882800422026e6fc23e0a0a026f6b120474727565",
    );
  });
});

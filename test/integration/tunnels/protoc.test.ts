import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  createFrameReader,
  encodeFrame,
  FRAME_TYPES,
  frameOf,
  type TunnelFrame,
} from "../../../agent/tunnels/frames.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { hasProtoc, protocDecode, valuesOf } from "../../fakes/telemetry/protoc.ts";
import { encoderOf, idOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const SEED = 40;
const CONFIG_PROTO = join(import.meta.dirname, "../../../config/proto");
/** As the protocol guide of V3 has it (aws-iot-securetunneling-localproxy), and as a later version might: with fields that nobody knows yet. */
const GUIDE = `syntax = "proto3";
message Message {
  enum Type { UNKNOWN = 0; DATA = 1; STREAM_START = 2; STREAM_RESET = 3; SESSION_RESET = 4; SERVICE_IDS = 5;
    CONNECTION_START = 6; CONNECTION_RESET = 7; }
  Type type = 1; int32 streamId = 2; bool ignorable = 3; bytes payload = 4; string serviceId = 5;
  repeated string availableServiceIds = 6; uint32 connectionId = 7;
}
message Later {
  Message.Type type = 1; int32 streamId = 2; bytes payload = 4; string serviceId = 5; uint32 connectionId = 7;
  string note = 8; Message nested = 15; repeated uint64 numbers = 2047; double ratio = 16;
}
message Many { repeated Message frames = 1; }
`;
const folder = mkdtempSync(join(tmpdir(), "causeway-protoc-"));
writeFileSync(join(folder, "guide.proto"), GUIDE);

/** What protoc makes of `input`; undefined where it refuses it. */
function protoc(action: string, input: Uint8Array | string): Buffer | undefined {
  const { status, stdout } = spawnSync("protoc", ["-I", folder, "guide.proto", action], { input });
  return status === 0 ? stdout : undefined;
}

const readFrame = createFrameReader(readDescriptor("tunnel"));
const read = (bytes: Uint8Array | undefined): TunnelFrame | undefined =>
  bytes === undefined ? undefined : readFrame(bytes);

describe.skipIf(!hasProtoc)(`frames, judged by protoc${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  afterAll(() => rmSync(folder, { recursive: true }));

  it("are read by it as the agent writes them, and have no field that it does not know (seed 40)", () => {
    const random = seededRandom(SEED);
    const whole = (most: number): number => Math.floor(random() * most);
    const names = Object.values(FRAME_TYPES).map(
      (_, at) => (["DATA", "STREAM_RESET", "CONNECTION_RESET"] as const)[at % 3],
    );
    const frames = Array.from({ length: 200 }, (_, at) =>
      frameOf(names[at % names.length] ?? "DATA", {
        streamId: at === 0 ? 2 ** 31 - 1 : whole(2 ** 31),
        connectionId: at === 0 ? 2 ** 32 - 1 : whole(3) * whole(2 ** 31),
        serviceId: ["", "SSH", "Zürich-1", "x".repeat(128)][at % 4] ?? "",
        payload: Uint8Array.from({ length: whole(60) }, () => whole(256)),
      }),
    );
    const many = Buffer.concat(
      frames.map((frame) => {
        const message = encodeFrame(frame).subarray(2);
        // Field 1 of Many; its length in two bytes.
        return Buffer.concat([Buffer.from([0x0a, (message.length & 127) | 128, message.length >> 7]), message]);
      }),
    );
    const text = protoc("--decode=Many", many)?.toString() ?? "";
    const present = (numbers: readonly number[]): string[] => numbers.filter((number) => number !== 0).map(String);
    expect(valuesOf(text, "type")).toEqual(frames.map(({ type }) => type));
    expect(valuesOf(text, "streamId")).toEqual(present(frames.map(({ streamId }) => streamId)));
    expect(valuesOf(text, "connectionId")).toEqual(present(frames.map(({ connectionId }) => connectionId)));
    expect(text).not.toMatch(/^\s*\d+/m);
    // By its own text, protoc makes the same bytes again.
    expect(protoc("--encode=Many", text)?.length).toBeLessThanOrEqual(many.length);
    const again = protoc("--encode=Message", textOf(frames[0]));
    expect(again?.toString("hex")).toBe(
      Buffer.from(encodeFrame(frames[0] ?? frameOf("DATA")))
        .subarray(2)
        .toString("hex"),
    );
  });

  it("are read by the agent as it writes them, ids to their ends", () => {
    const frame = read(
      protoc(
        "--encode=Message",
        'type: CONNECTION_START streamId: -1 ignorable: true serviceId: "SSH" connectionId: 4294967295 payload: "\\000\\377" availableServiceIds: "" availableServiceIds: "VNC"',
      ),
    );
    expect(frame).toMatchObject({ type: "CONNECTION_START", streamId: -1, ignorable: true, serviceId: "SSH" });
    expect(frame).toMatchObject({ connectionId: 2 ** 32 - 1, availableServiceIds: ["", "VNC"] });
    expect([...(frame?.payload ?? [])]).toEqual([0, 255]);
    expect(read(protoc("--encode=Message", "type: 99 ignorable: true"))).toMatchObject({ type: 99, ignorable: true });
    expect(read(protoc("--encode=Message", ""))).toMatchObject({ type: 0, streamId: 0, connectionId: 0 });
  });

  it("of a later version are read without the fields that nobody knows", () => {
    const text =
      'type: DATA streamId: 3 payload: "hi" serviceId: "SSH" connectionId: 2 note: "new" nested { streamId: 9 } numbers: 1 numbers: 18446744073709551615 ratio: 0.5';
    expect(read(protoc("--encode=Later", text))).toMatchObject({
      type: "DATA",
      streamId: 3,
      serviceId: "SSH",
      connectionId: 2,
    });
  });

  it("that protoc takes for none, the agent does too, and reads the others alike (seed 40)", () => {
    const random = seededRandom(SEED);
    const good = protoc(
      "--encode=Message",
      'type: DATA streamId: 70000 serviceId: "SSH" connectionId: 300 payload: "abcdef"',
    );
    if (good === undefined) throw new Error("protoc gives nothing");
    let refused = 0;
    for (let count = 0; count < 60; count++) {
      const bytes = Buffer.from(good.subarray(0, 1 + Math.floor(random() * good.length)));
      const at = Math.floor(random() * bytes.length);
      bytes[at] = Math.floor(random() * 256);
      const text = protoc("--decode=Message", bytes)?.toString();
      const frame = read(bytes);
      if (text === undefined) {
        refused += 1;
        expect([bytes.toString("hex"), frame]).toEqual([bytes.toString("hex"), undefined]);
        continue;
      }
      const told = (field: string, absent: string): string => valuesOf(text, field).at(-1) ?? absent;
      expect([bytes.toString("hex"), frame?.streamId, frame?.connectionId]).toEqual([
        bytes.toString("hex"),
        Number(told("streamId", "0")),
        Number(told("connectionId", "0")),
      ]);
    }
    expect(refused).toBeGreaterThan(10);
  });

  it("have records that it reads by config/proto/telemetry.proto", () => {
    const encoder = encoderOf(tableOf([]));
    const T0 = 1_767_225_600_000_000;
    const totals = { connections: 3, connects: 2, refused: 2 ** 33, ignored: 1, untold: 7 };
    const draft = encoder.tunnelEvent({
      event: "ended",
      tunnel: "0f0f0f0f0f0f0f0f",
      number: 2,
      origin: "command",
      services: ["SSH", "VNC"],
      region: "eu-central-1",
      connection: 0,
      bytesIn: 2 ** 40,
      bytesOut: 5,
      lastedMs: 61_500,
      reason: "closed",
      detail: "at the vehicle",
      counts: totals,
      untold: 0,
      timeUs: T0,
    });
    const tunnel = protocDecode(draft.seal(idOf(1, "event")), [
      "-I",
      CONFIG_PROTO,
      join(CONFIG_PROTO, "telemetry.proto"),
    ]);
    expect(
      ["event", "number", "services", "bytes_in", "lasted_ms", "refused", "untold", "time_us"].map((field) =>
        valuesOf(tunnel, field).join(),
      ),
    ).toEqual(['"ended"', "2", '"SSH","VNC"', String(2 ** 40), "61500", String(2 ** 33), "7", String(T0)]);
  });
});

/** A frame in the text form of protoc. */
function textOf(frame: TunnelFrame | undefined): string {
  if (frame === undefined) return "";
  const escaped = [...frame.payload].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  const { type, streamId, serviceId, connectionId } = frame;
  return `type: ${type} streamId: ${streamId} payload: "${escaped}" serviceId: "${serviceId}" connectionId: ${connectionId}`;
}

import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { z } from "zod";
import { ProtobufWriter } from "../telemetry/record/encode/protobuf-writer.ts";

/** Types of frames, by their numbers in config/proto/tunnel.proto. */
export const FRAME_TYPES = {
  DATA: 1,
  STREAM_START: 2,
  STREAM_RESET: 3,
  SESSION_RESET: 4,
  SERVICE_IDS: 5,
  CONNECTION_START: 6,
  CONNECTION_RESET: 7,
} as const;
export type FrameType = keyof typeof FRAME_TYPES;

/** Longest payload of a frame, bytes (AWS IoT Secure Tunneling, WebSocket protocol guide). */
export const MAX_PAYLOAD_BYTES = 64_512;
const LENGTH_BYTES = 2;
const MAX_FRAME_BYTES = 0xffff;

const FIELD = { type: 1, streamId: 2, payload: 4, serviceId: 5, availableServiceIds: 6, connectionId: 7 } as const;
const NO_BYTES = new Uint8Array();

/** One frame of a tunnel. What is 0, empty or "" was left out, or is to be. */
export type TunnelFrame = {
  /** A number that is not in `FRAME_TYPES` is of a newer protocol, or 0. */
  readonly type: FrameType | number;
  readonly streamId: number;
  readonly ignorable: boolean;
  readonly payload: Uint8Array;
  readonly serviceId: string;
  readonly availableServiceIds: readonly string[];
  readonly connectionId: number;
};

/** A frame of a type, with what it has besides. */
export function frameOf(type: FrameType, given: Partial<TunnelFrame> = {}): TunnelFrame {
  const nothing = { streamId: 0, ignorable: false, payload: NO_BYTES, serviceId: "", connectionId: 0 };
  return { ...nothing, availableServiceIds: [], ...given, type };
}

const wireFrame = z.object({
  type: z.int(),
  stream_id: z.int(),
  ignorable: z.boolean(),
  payload: z.instanceof(Uint8Array).refine(({ length }) => length <= MAX_PAYLOAD_BYTES),
  service_id: z.string().max(128),
  available_service_ids: z.array(z.string().max(128)).max(64),
  connection_id: z.int(),
});

/** Takes one frame apart; undefined for bytes that are none. What it gives is free of `bytes`. */
export type ReadFrame = (bytes: Uint8Array) => TunnelFrame | undefined;

/** Reads frames by `descriptor`, the FileDescriptorSet of config/proto/tunnel.proto. */
export function createFrameReader(descriptor: Uint8Array): ReadFrame {
  const type = protobuf.Root.fromDescriptor(descriptor, { keepCase: true }).lookupType(
    "causeway.tunnel.v1.TunnelFrame",
  );
  const names = new Map<number, FrameType>(
    Object.entries(FRAME_TYPES).flatMap(([name, number]) => (isFrameType(name) ? [[number, name] as const] : [])),
  );
  return (bytes) => {
    const parsed = wireFrame.safeParse(objectOf(type, bytes));
    if (!parsed.success) return undefined;
    const { stream_id: streamId, service_id: serviceId, connection_id: connectionId, ...wire } = parsed.data;
    return {
      type: names.get(wire.type) ?? wire.type,
      streamId,
      ignorable: wire.ignorable,
      payload: wire.payload.slice(),
      serviceId,
      availableServiceIds: wire.available_service_ids,
      connectionId,
    };
  };
}

function isFrameType(name: string): name is FrameType {
  return Object.hasOwn(FRAME_TYPES, name);
}

function objectOf(type: protobuf.Type, bytes: Uint8Array): unknown {
  try {
    return type.toObject(type.decode(bytes), { arrays: true, defaults: true });
  } catch {
    // What a relay sends may be anything; the caller ends the tunnel.
    return undefined;
  }
}

/**
 * The bytes of a frame, its length before them. A payload beyond `MAX_PAYLOAD_BYTES` throws a RangeError: whoever sends cuts it. Whoever
 * encodes many gives a `writer`, which is used again.
 */
export function encodeFrame(frame: TunnelFrame, writer: ProtobufWriter = new ProtobufWriter()): Uint8Array {
  writer.reset();
  writer.uintField(FIELD.type, typeof frame.type === "number" ? frame.type : FRAME_TYPES[frame.type]);
  writer.uintField(FIELD.streamId, frame.streamId);
  if (frame.payload.length > 0) writer.bytesField(FIELD.payload, frame.payload);
  writer.stringField(FIELD.serviceId, frame.serviceId);
  for (const id of frame.availableServiceIds) writer.presentStringField(FIELD.availableServiceIds, id);
  writer.uintField(FIELD.connectionId, frame.connectionId);
  if (frame.payload.length > MAX_PAYLOAD_BYTES || writer.length > MAX_FRAME_BYTES) {
    throw new RangeError(`a frame of ${writer.length} bytes does not fit`);
  }
  const bytes = new Uint8Array(LENGTH_BYTES + writer.length);
  new DataView(bytes.buffer).setUint16(0, writer.length);
  bytes.set(writer.finish(), LENGTH_BYTES);
  return bytes;
}

/**
 * Puts frames together from a stream of bytes that is cut anywhere: boundaries of WebSocket messages mean nothing. It holds one frame
 * at most, in a buffer that is made once.
 */
export class FrameAssembly {
  readonly #read: ReadFrame;
  readonly #held = new Uint8Array(LENGTH_BYTES + MAX_FRAME_BYTES);
  #filled = 0;

  constructor(read: ReadFrame) {
    this.#read = read;
  }

  /** The frames that `bytes` complete, one after the other; "malformed" is the last for bytes that are no frame. */
  *take(bytes: Uint8Array): Generator<TunnelFrame | "malformed"> {
    let at = 0;
    while (at < bytes.length) {
      const part = bytes.subarray(at, at + this.#wanted() - this.#filled);
      this.#held.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < LENGTH_BYTES || this.#filled < this.#wanted()) continue;
      const frame = this.#read(this.#held.subarray(LENGTH_BYTES, this.#filled));
      this.#filled = 0;
      yield frame ?? "malformed";
      if (frame === undefined) return;
    }
  }

  /** Bytes up to the end of the length, or of the frame once its length is known. */
  #wanted(): number {
    if (this.#filled < LENGTH_BYTES) return LENGTH_BYTES;
    return LENGTH_BYTES + this.#held[0] * 256 + this.#held[1];
  }
}

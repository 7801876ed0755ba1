/**
 * Frames of AWS IoT Secure Tunneling by hand, apart from the agent's code and from its .proto file, so that a wrong number shows.
 * Source: aws-iot-securetunneling-localproxy, WebSocket protocol guide V3, Message.proto.
 */
export const TYPE = {
  data: 1,
  streamStart: 2,
  streamReset: 3,
  sessionReset: 4,
  serviceIds: 5,
  connectionStart: 6,
  connectionReset: 7,
} as const;

/** A frame; what is absent is not on the wire. */
export type RelayFrame = {
  readonly type: number;
  readonly streamId?: number;
  readonly payload?: Uint8Array;
  readonly serviceId?: string;
  readonly available?: readonly string[];
  readonly connectionId?: number;
};

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** Length and message. */
export function relayFrame({ type, streamId, payload, serviceId, available = [], connectionId }: RelayFrame): Buffer {
  const text = (tag: number, value: string): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);
  };
  const parts = [
    Buffer.from([0x08, ...varint(type)]),
    ...(streamId === undefined ? [] : [Buffer.from([0x10, ...varint(streamId)])]),
    ...(payload === undefined ? [] : [Buffer.from([0x22, ...varint(payload.length)]), payload]),
    ...(serviceId === undefined ? [] : [text(0x2a, serviceId)]),
    ...available.map((id) => text(0x32, id)),
    ...(connectionId === undefined ? [] : [Buffer.from([0x38, ...varint(connectionId)])]),
  ];
  const message = Buffer.concat(parts);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** What the service says of a message that it cannot read: "unknown field 9", "cut off". */
export function readRelayFrame(message: Buffer): RelayFrame | string {
  const frame: { -readonly [key in keyof RelayFrame]: RelayFrame[key] } = { type: 0 };
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at];
      at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  const bytes = (): Buffer => {
    const length = number();
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = number();
    if (tag === 0x08) frame.type = number();
    else if (tag === 0x10) frame.streamId = number();
    else if (tag === 0x18) number();
    else if (tag === 0x22) frame.payload = bytes();
    else if (tag === 0x2a) frame.serviceId = bytes().toString();
    else if (tag === 0x32) frame.available = [...(frame.available ?? []), bytes().toString()];
    else if (tag === 0x38) frame.connectionId = number();
    else return `unknown field ${tag >> 3}`;
  }
  return at === message.length ? frame : "cut off";
}

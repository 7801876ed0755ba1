import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { expect } from "vitest";
import { createFleetwiseReader } from "../../../agent/fleetwise/read/fleetwise-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";

const root = protobuf.Root.fromDescriptor(readDescriptor("fleetwise"), { keepCase: true });

/** The reader of the vehicle. */
export const reader = createFleetwiseReader(readDescriptor("fleetwise"));

/** A message of config/proto/fleetwise.proto as bytes, written by protobufjs. */
export function messageBytes(type: string, fields: Readonly<Record<string, unknown>>): Uint8Array {
  const found = root.lookupType(`causeway.fleetwise.v1.${type}`);
  return found.encode(found.fromObject(fields)).finish();
}

/** The fields of `bytes` as protobufjs reads them: 64-bit integers as bigint. */
export function messageFields(type: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const found = root.lookupType(`causeway.fleetwise.v1.${type}`);
  return found.toObject(found.decode(bytes), { longs: BigInt });
}

/** A text that matches, in what is compared. */
export function like(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

/** A CAN signal of a manifest: one byte at the beginning of frame 0x123 of can0. */
export function canSignal(given: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { signal_id: 10, interface_id: "can0", message_id: 0x123, factor: 1, length: 8, start_bit: 0, ...given };
}

/** A condition based scheme c-1 of manifest dm-1 that collects signal 10 when it is above 50. */
export function scheme(given: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    campaign_sync_id: "c-1",
    decoder_manifest_sync_id: "dm-1",
    expiry_time_ms_epoch: 4_102_444_800_000,
    condition_based: { condition_minimum_interval_ms: 1000, condition_tree: comparison(1, 10, 50) },
    signal_information: [{ signal_id: 10, sample_buffer_size: 1 }],
    ...given,
  };
}

/** `signal OP number` as a ConditionNode; `operator` by its number on the wire. */
export function comparison(operator: number, signal: number, value: number): Readonly<Record<string, unknown>> {
  return operation(operator, { node_signal_id: signal }, { node_double_value: value });
}

/** An operator over two trees, or one. */
export function operation(operator: number, left: unknown, right?: unknown): Readonly<Record<string, unknown>> {
  return { node_operator: { operator, left_child: left, right_child: right } };
}

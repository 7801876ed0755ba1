import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { messageOf } from "../../core/errors.ts";
import { type CollectionSchemes, readSchemes } from "./collection-schemes.ts";
import { type DecoderManifest, readManifest } from "./decoder-manifest.ts";
import { MAX_PAYLOAD_BYTES, type Read } from "./document.ts";
import { readTemplates, type StateTemplates } from "./state-templates.ts";

/** 64-bit integers as bigint, enumerations as numbers, and of each oneof which of its fields is there. */
const CONVERSION: protobuf.IConversionOptions = { longs: BigInt, arrays: true, defaults: true, oneofs: true };

/** Reads what a cloud side of FleetWise Edge sends to vehicles. */
export type FleetwiseReader = {
  manifest(payload: Uint8Array): Read<DecoderManifest>;
  /** An empty payload is an empty list: nothing is collected any more. */
  schemes(payload: Uint8Array): Read<CollectionSchemes>;
  templates(payload: Uint8Array): Read<StateTemplates>;
};

/**
 * Reads by `descriptor`, the FileDescriptorSet of config/proto/fleetwise.proto. An entry that is wrong, or that this vehicle cannot do,
 * is left out with its reason and takes none of the others with it.
 */
export function createFleetwiseReader(descriptor: Uint8Array): FleetwiseReader {
  const root = protobuf.Root.fromDescriptor(descriptor, { keepCase: true });
  const typeOf = (name: string): protobuf.Type => root.lookupType(`causeway.fleetwise.v1.${name}`);
  const manifest = typeOf("DecoderManifest");
  const list = typeOf("CollectionSchemeList");
  const scheme = typeOf("CollectionScheme");
  const templates = typeOf("StateTemplates");
  return {
    manifest: (payload) => read(payload, manifest, readManifest),
    schemes: (payload) => read(payload, list, (entries) => readSchemes(entries, (bytes) => objectOf(scheme, bytes))),
    templates: (payload) => read(payload, templates, readTemplates),
  };
}

function read<T>(payload: Uint8Array, type: protobuf.Type, understand: (message: unknown) => Read<T>): Read<T> {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    return { kind: "unreadable", problem: `is ${payload.length} bytes long, more than ${MAX_PAYLOAD_BYTES}` };
  }
  const message = objectOf(type, payload);
  return message.kind === "unreadable" ? message : understand(message.document);
}

function objectOf(type: protobuf.Type, bytes: Uint8Array): Read<unknown> {
  try {
    return { kind: "read", document: type.toObject(type.decode(bytes), CONVERSION) };
  } catch (thrown) {
    // What a broker delivers may be anything.
    return { kind: "unreadable", problem: `is not a ${type.name} in protobuf: ${messageOf(thrown)}` };
  }
}

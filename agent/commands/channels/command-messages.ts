import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { z } from "zod";
import { ACTUATOR_TYPES, type ActuatorType } from "../../core/actuator-type.ts";
import { ProtobufWriter } from "../../telemetry/record/encode/protobuf-writer.ts";

/** 64-bit fields arrive as bigint; what is read from them must be exact as a number. */
const exact = z.bigint().refine((value) => Number.isSafeInteger(Number(value)), "is beyond 2^53");
const count = exact.transform(Number);
const whole = (bits: number, isSigned: boolean) => {
  const [least, most] = isSigned ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
  return z.int().min(least).max(most).optional();
};

const actuator = z.object({
  signal_id: z.int(),
  decoder_manifest_sync_id: z.string(),
  double_value: z.number().optional(),
  boolean_value: z.boolean().optional(),
  int8_value: whole(8, true),
  uint8_value: whole(8, false),
  int16_value: whole(16, true),
  uint16_value: whole(16, false),
  int32_value: whole(32, true),
  uint32_value: whole(32, false),
  int64_value: count.optional(),
  uint64_value: count.optional(),
  float_value: z.number().optional(),
  string_value: z.string().optional(),
});

const stateTemplate = z.object({
  state_template_sync_id: z.string(),
  operation: z.enum(["activate_operation", "deactivate_operation", "fetch_snapshot_operation"]).optional(),
  activate_operation: z.object({ deactivate_after_seconds: z.int().min(0) }).nullish(),
});

const wireRequest = z.object({
  command_id: z.string(),
  timeout_ms: count,
  issued_timestamp_ms: count,
  actuator_command: actuator.optional(),
  last_known_state_command: z.object({ state_template_information: z.array(stateTemplate) }).optional(),
  authorisation: z
    .object({
      thing: z.string(),
      not_before_ms: count,
      expires_at_ms: count,
      counter: count,
      key: z.string(),
      signature: z.instanceof(Uint8Array),
    })
    .nullish(),
});
type WireRequest = z.infer<typeof wireRequest>;

/** What is to be done with one state template; `seconds` is when it is to be deactivated again, undefined where the message says 0. */
export type StateOperation = {
  readonly id: string;
  readonly operation: z.infer<typeof stateTemplate>["operation"];
  readonly seconds: number | undefined;
};

/** A request as config/proto/commands.proto has it. */
export type CommandMessage = {
  readonly commandId: string;
  /** Undefined where the message says 0. `timeoutMs` counts from `issuedAtMs`, ms since the Unix epoch. */
  readonly timeoutMs: number | undefined;
  readonly issuedAtMs: number | undefined;
  readonly authorisation: NonNullable<WireRequest["authorisation"]> | undefined;
  readonly command:
    | {
        readonly kind: "actuate";
        readonly signalId: number;
        readonly manifest: string;
        /** Undefined where none was given. */
        readonly value: { readonly type: ActuatorType; readonly value: number | boolean | string } | undefined;
      }
    | {
        readonly kind: "state";
        readonly templates: readonly StateOperation[];
      }
    | undefined;
};

/** Statuses of an answer, with their numbers in config/proto/commands.proto. */
const STATUS = { SUCCEEDED: 1, TIMED_OUT: 2, FAILED: 4, IN_PROGRESS: 10 } as const;
/** Field numbers of config/proto/commands.proto. */
const RESPONSE = { status: 1, commandId: 2, reasonCode: 3, reasonDescription: 4, result: 1000 } as const;
const ENTRY = { key: 1, value: 2 } as const;

/** An answer; `reasonCode` is 0 where there is none. */
export type CommandResponse = {
  readonly status: keyof typeof STATUS;
  readonly commandId: string;
  readonly reasonCode: number;
  readonly reasonDescription: string;
  readonly result: Readonly<Record<string, string | boolean>>;
};

/** Reads requests by `descriptor`, the FileDescriptorSet of commands.proto. What it gives is undefined for bytes that are none. */
export function createCommandReader(descriptor: Uint8Array): (payload: Uint8Array) => CommandMessage | undefined {
  const type = protobuf.Root.fromDescriptor(descriptor, { keepCase: true }).lookupType(
    "causeway.commands.v1.CommandRequest",
  );
  return (payload) => {
    const parsed = wireRequest.safeParse(objectOf(type, payload));
    return parsed.success ? messageOf(parsed.data) : undefined;
  };
}

/** The bytes of an answer. */
export function encodeCommandResponse(response: CommandResponse): Uint8Array {
  const writer = new ProtobufWriter();
  writer.uintField(RESPONSE.status, STATUS[response.status]);
  writer.stringField(RESPONSE.commandId, response.commandId);
  writer.uintField(RESPONSE.reasonCode, response.reasonCode);
  writer.stringField(RESPONSE.reasonDescription, response.reasonDescription);
  for (const [key, value] of Object.entries(response.result)) {
    writer.begin(RESPONSE.result, 64);
    writer.stringField(ENTRY.key, key);
    writer.stringField(ENTRY.value, String(value));
    writer.end();
  }
  return writer.finish();
}

function objectOf(type: protobuf.Type, payload: Uint8Array): unknown {
  try {
    return type.toObject(type.decode(payload), { longs: BigInt, arrays: true, defaults: true, oneofs: true });
  } catch {
    // What a broker delivers may be anything; the caller refuses it.
    return undefined;
  }
}

function messageOf(wire: WireRequest): CommandMessage {
  return {
    commandId: wire.command_id,
    timeoutMs: wire.timeout_ms === 0 ? undefined : wire.timeout_ms,
    issuedAtMs: wire.issued_timestamp_ms === 0 ? undefined : wire.issued_timestamp_ms,
    authorisation: wire.authorisation ?? undefined,
    command: commandOf(wire),
  };
}

function commandOf({
  actuator_command: actuate,
  last_known_state_command: state,
}: WireRequest): CommandMessage["command"] {
  if (actuate !== undefined) {
    const type = ACTUATOR_TYPES.find((one) => actuate[`${one}_value`] !== undefined);
    const value = type === undefined ? undefined : actuate[`${type}_value`];
    return {
      kind: "actuate",
      signalId: actuate.signal_id,
      manifest: actuate.decoder_manifest_sync_id,
      value: type === undefined || value === undefined ? undefined : { type, value },
    };
  }
  if (state === undefined) return undefined;
  const templates = state.state_template_information.map(
    ({ state_template_sync_id: id, operation, activate_operation: activate }) => {
      const seconds = activate?.deactivate_after_seconds;
      return { id, operation, seconds: seconds === 0 ? undefined : seconds };
    },
  );
  return { kind: "state", templates };
}

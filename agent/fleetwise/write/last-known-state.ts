import { ProtobufWriter } from "../../telemetry/record/encode/protobuf-writer.ts";
import type { WireValue } from "../wire-value.ts";
import { halvesOf, type Payloads, payloadsOf } from "./payloads.ts";

/** Field numbers of config/proto/fleetwise.proto. */
const DATA = { timeMs: 2, template: 6 } as const;
const TEMPLATE = { syncId: 1, signal: 2 } as const;
const SIGNAL = { id: 1 } as const;
/** Of the fields that hold a value, by its type. */
const VALUE = {
  double: 2,
  bool: 3,
  int8: 4,
  uint8: 5,
  int16: 6,
  uint16: 7,
  int32: 8,
  uint32: 9,
  int64: 10,
  uint64: 11,
  float: 12,
  string: 13,
} as const;

/** Newest values of the signals of a state template. */
export type TemplateState = {
  readonly syncId: string;
  readonly signals: readonly { readonly id: number; readonly value: WireValue }[];
};

/** Newest values at a time, ms since the Unix epoch: there is none for each signal. */
export type LastKnownState = { readonly timeMs: number; readonly templates: readonly TemplateState[] };

/** Protobuf, not compressed; what is sent always is. */
export function encodeLastKnownState({ timeMs, templates }: LastKnownState): Uint8Array {
  const writer = new ProtobufWriter();
  writer.uintField(DATA.timeMs, timeMs);
  for (const { syncId, signals } of templates) {
    writer.begin(DATA.template, 16 * signals.length);
    writer.stringField(TEMPLATE.syncId, syncId);
    for (const { id, value } of signals) {
      writer.begin(TEMPLATE.signal, 16);
      writer.uintField(SIGNAL.id, id);
      writeValue(writer, value);
      writer.end();
    }
    writer.end();
  }
  return writer.finish();
}

/** The state in payloads of at most `maxBytes`, raw snappy, halved until they fit; see `vehiclePayloads`. */
export function statePayloads(state: LastKnownState, maxBytes: number): Payloads {
  return payloadsOf(state, { encode: encodeLastKnownState, halve, compress: true, maxBytes });
}

function writeValue(writer: ProtobufWriter, { type, value }: WireValue): void {
  switch (type) {
    case "double":
      return writer.presentDoubleField(VALUE.double, value);
    case "float":
      return writer.presentFloatField(VALUE.float, value);
    case "bool":
      return writer.presentUintField(VALUE.bool, value ? 1 : 0);
    case "string":
      return writer.presentStringField(VALUE.string, value);
    case "int64":
      return writer.presentSint64Field(VALUE.int64, value);
    case "uint64":
      return writer.presentUint64Field(VALUE.uint64, value);
    case "uint8":
    case "uint16":
    case "uint32":
      return writer.presentUintField(VALUE[type], value);
    default:
      return writer.presentSintField(VALUE[type], value);
  }
}

function halve(state: LastKnownState): readonly [LastKnownState, LastKnownState] | undefined {
  const { templates } = state;
  const [only] = templates;
  if (templates.length > 1) return both(state, halvesOf(templates));
  if (only === undefined || only.signals.length < 2) return undefined;
  const [first, second] = halvesOf(only.signals);
  return both(state, [[{ ...only, signals: first }], [{ ...only, signals: second }]]);
}

function both(
  { timeMs }: LastKnownState,
  [first, second]: readonly [readonly TemplateState[], readonly TemplateState[]],
): readonly [LastKnownState, LastKnownState] {
  return [
    { timeMs, templates: first },
    { timeMs, templates: second },
  ];
}

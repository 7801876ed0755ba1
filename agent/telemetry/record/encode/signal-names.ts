import type { SignalEntry, VssName } from "../../../signals/signal-entry.ts";
import { textPairs, type ValueTexts } from "../../../signals/value-texts.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const VALUE_TEXT = { raw: 1, text: 2 } as const;
const VSS = { path: 1, unit: 2, factor: 3, offset: 4, values: 5, expression: 6 } as const;

/** The fields of a message that hold such names. */
type NameFields = { readonly valueTexts: number; readonly vss: number };

/**
 * What a signal is in VSS, as `VssName` messages, and the texts of its raw values, as `ValueText` messages, each by itself in the field that
 * `fields` says. With `isCut` each value of a `VssName` has a message of its own, so that none is long.
 */
export function encodeNames(
  fields: NameFields,
  { texts, vss }: Pick<SignalEntry, "texts" | "vss">,
  { isCut = false }: { readonly isCut?: boolean } = {},
): readonly Uint8Array[] {
  const writer = new ProtobufWriter();
  const encoded: Uint8Array[] = [];
  const take = (write: () => void): void => {
    writer.reset();
    write();
    encoded.push(writer.finish());
  };
  for (const name of isCut ? vss.flatMap(cutValues) : vss) take(() => writeVss(writer, fields.vss, name));
  for (const pair of textPairs(texts)) {
    // An empty text says nothing, and no reader could tell it from none.
    if (pair[1] !== "") take(() => writeText(writer, fields.valueTexts, pair));
  }
  return encoded;
}

/** The same as several, each with one value. */
function cutValues(name: VssName): readonly VssName[] {
  if (name.value.kind !== "values") return [name];
  return textPairs(name.value.values).map(([raw, text]) => {
    const values: ValueTexts = { raws: [raw], texts: [text] };
    return { ...name, value: { kind: "values", values } };
  });
}

function writeVss(writer: ProtobufWriter, field: number, { path, unit, value }: VssName): void {
  writer.begin(field, 64);
  writer.stringField(VSS.path, path);
  writer.stringField(VSS.unit, unit);
  switch (value.kind) {
    case "linear":
      writer.presentDoubleField(VSS.factor, value.factor);
      writer.presentDoubleField(VSS.offset, value.offset);
      break;
    case "values":
      for (const pair of textPairs(value.values)) writeText(writer, VSS.values, pair);
      break;
    case "expression":
      writer.stringField(VSS.expression, value.expression);
      break;
  }
  writer.end();
}

function writeText(writer: ProtobufWriter, field: number, [raw, text]: readonly [number | bigint, string]): void {
  writer.begin(field, 24);
  writer.sint64Field(VALUE_TEXT.raw, raw);
  writer.stringField(VALUE_TEXT.text, text);
  writer.end();
}

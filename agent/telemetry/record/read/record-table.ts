import type { VssName, VssValue } from "../../../signals/signal-entry.ts";
import { type ValueTexts, valueTexts } from "../../../signals/value-texts.ts";
import type { MoreTexts, RecordBody, RecordSignal } from "./decoded-record.ts";
import type { WireRecord } from "./record-schema.ts";

type WireTable = NonNullable<WireRecord["table"]>;
type WireSignal = WireTable["signals"][number];
type WireVss = WireSignal["vss"][number];
type WireText = WireSignal["value_texts"][number];

/** One part of a signal table. */
export function tableOf(wire: WireTable): RecordBody {
  const more = wire.more_texts.map(moreTextsOf);
  return {
    kind: "table",
    id: wire.id,
    total: wire.total,
    signals: wire.signals.map(signalOf),
    moreTexts: more.length === 0 ? undefined : more,
    vssRelease: wire.vss_release === "" ? undefined : wire.vss_release,
  };
}

function signalOf(wire: WireSignal): RecordSignal {
  const { arbitration_id: arbitrationId, is_signed: signed, value_texts: texts, vss, ...others } = wire;
  const { window_us: windowUs, expression, ranges, ...facts } = others;
  const isUnsigned = facts.bits === 64 && !signed;
  return {
    ...facts,
    arbitrationId,
    signed,
    texts: textsOf(texts, isUnsigned),
    states: ranges.length === 0 ? undefined : ranges,
    vss: vss.map((name) => vssOf(name, isUnsigned)),
    windowUs: facts.aggregate === undefined ? undefined : windowUs,
    expression: expression === "" ? undefined : expression,
  };
}

/** The raw values of an unsigned signal of 64 bits read as signed here: its `Signal` may be in another part. */
function moreTextsOf({ signal, value_texts: texts, vss }: WireTable["more_texts"][number]): MoreTexts {
  const byPath = Map.groupBy(vss, ({ path }) => path);
  const names = [...byPath.values()].map(([first, ...others]) => ({
    ...first,
    values: [...first.values, ...others.flatMap(({ values }) => values)],
  }));
  return { signal, texts: textsOf(texts, false), vss: names.map((name) => vssOf(name, false)) };
}

function vssOf({ path, unit, factor, offset = 0, values, expression }: WireVss, isUnsigned: boolean): VssName {
  const mapped = textsOf(values, isUnsigned) ?? { raws: [], texts: [] };
  const listed: VssValue = { kind: "values", values: mapped };
  const other: VssValue = expression === "" ? listed : { kind: "expression", expression };
  return { path, unit, value: factor === undefined ? other : { kind: "linear", factor, offset } };
}

function textsOf(texts: readonly WireText[], isUnsigned: boolean): ValueTexts | undefined {
  return valueTexts(texts.map(({ raw, text }) => [plain(isUnsigned ? BigInt.asUintN(64, raw) : raw), text] as const));
}

function plain(raw: bigint): number | bigint {
  const value = Number(raw);
  return Number.isSafeInteger(value) ? value : raw;
}

import type { CodeOrigin, CodeState } from "../../telemetry/record/encode/trouble-code.ts";
import type { CodeReader, CodeReaders } from "./code-readers.ts";
import type { CodeTracker } from "./code-tracker.ts";
import { originKey } from "./kept-code.ts";

/** A control unit with its codes, as people and commands name it. */
export type UnitCodes = {
  /** Its own name, with its bus before it (BUS/NAME) where several buses have one of the name. */
  readonly name: string;
  readonly origin: CodeOrigin;
  /** Active and permanent ones. */
  readonly codes: readonly CodeState[];
  /** Undefined where it cannot be asked, but tells by itself. */
  readonly reader: CodeReader | undefined;
};

/** The control units that are known: those that can be asked, and those whose codes were seen. */
export function unitsOf(tracker: Pick<CodeTracker, "list">, readers: Pick<CodeReaders, "list">): readonly UnitCodes[] {
  const codes = tracker.list();
  const known = new Map<string, { readonly origin: CodeOrigin; readonly reader: CodeReader | undefined }>();
  for (const reader of readers.list()) known.set(originKey(reader.origin), { origin: reader.origin, reader });
  for (const { bus, ecu, protocol } of codes) {
    const origin = { bus, ecu, protocol };
    if (!known.has(originKey(origin))) known.set(originKey(origin), { origin, reader: undefined });
  }
  const counts = Map.groupBy([...known.values()], ({ origin }) => origin.ecu);
  return [...known].map(([key, { origin, reader }]) => ({
    name: counts.get(origin.ecu)?.length === 1 ? origin.ecu : `${origin.bus}/${origin.ecu}`,
    origin,
    reader,
    codes: codes.filter((code) => originKey(code) === key && (code.isActive || code.isPermanent)),
  }));
}

/** Those that `names` name, in that order, all without names; or what is wrong with them. A name alone means each of that name. */
export function chosenUnits(
  units: readonly UnitCodes[],
  names: readonly string[] | undefined,
):
  | { readonly kind: "units"; readonly units: readonly UnitCodes[] }
  | { readonly kind: "unfit"; readonly problem: string } {
  if (names === undefined) return { kind: "units", units };
  const chosen = new Set<UnitCodes>();
  for (const name of names) {
    const meant = units.filter((unit) => unit.name === name || unit.origin.ecu === name);
    if (meant.length === 0) {
      const known = units.map((unit) => unit.name).join(", ") || "none";
      return { kind: "unfit", problem: `there is no control unit ${name}; known are: ${known}` };
    }
    for (const unit of meant) chosen.add(unit);
  }
  return { kind: "units", units: [...chosen] };
}

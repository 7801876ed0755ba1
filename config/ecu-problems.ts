import { type Ecu, type EcuDid, type EcuSignal, MAX_DATA_BYTES } from "./ecu.ts";
import { layoutProblem } from "./ecu-layout.ts";

/** What is wrong within a control unit, and where. */
export type EcuProblem = { readonly path: readonly (string | number)[]; readonly message: string };

/** What the parts of a control unit say of each other that cannot be. */
export function ecuProblems(one: Ecu): readonly EcuProblem[] {
  return [
    ...addressProblems(one),
    ...nameProblems(one),
    ...dataProblems(one),
    ...accessProblems(one),
    ...occurrenceProblems(one),
  ];
}

function addressProblems({ idBits, request, response, requestByte, responseByte }: Ecu): readonly EcuProblem[] {
  const tooLong = Object.entries({ request, response }).filter(([, id]) => id >= 2 ** idBits);
  const problems: EcuProblem[] = tooLong.map(([key]) => ({ path: [key], message: `has more than ${idBits} bits` }));
  if (request === response && requestByte === responseByte)
    problems.push({ path: ["response"], message: "is the request's own" });
  if ((requestByte === undefined) !== (responseByte === undefined))
    problems.push({ path: ["request"], message: "requestByte and responseByte go together" });
  return problems;
}

function nameProblems({ dids, routines, outputs, resets, troubleCodes: { extendedData: records }, security }: Ecu) {
  const lists = [
    { at: ["dids"], key: "id", of: dids.map(({ id }) => id) },
    { at: ["dids"], key: "name", of: dids.map(({ name }) => name) },
    { at: ["routines"], key: "name", of: routines.map(({ name }) => name) },
    { at: ["outputs"], key: "name", of: outputs.map(({ name }) => name) },
    { at: ["resets"], key: "name", of: resets.map(({ name }) => name) },
    { at: ["security"], key: "level", of: security.map(({ level }) => level) },
    { at: ["troubleCodes", "extendedData"], key: "record", of: records.map(({ record }) => record) },
  ];
  const twice = lists.flatMap(({ at, key, of }) =>
    repeated<string | number>(of, String).map((index) => ({
      path: [...at, index, key],
      message: `${shown(of[index])} is there twice`,
    })),
  );
  return [...twice, ...signalRepeats(dids)];
}

/** A signal is known by the control unit and its own name. */
function signalRepeats(dids: readonly EcuDid[]): readonly EcuProblem[] {
  const placed = dids.flatMap(({ signals }, didAt) => signals.map(({ name }, at) => ({ name, didAt, at })));
  return repeated(placed, ({ name }) => name).map((index) => {
    const { name, didAt, at } = placed[index];
    return { path: ["dids", didAt, "signals", at, "name"], message: `${name} is there twice in this control unit` };
  });
}

function dataProblems({
  dids,
  troubleCodes: { extendedData: records },
  routines,
  outputs,
}: Ecu): readonly EcuProblem[] {
  const read = [
    ...dids.map((one, at) => ({ one, path: ["dids", at] })),
    ...records.map((one, at) => ({ one, path: ["troubleCodes", "extendedData", at] })),
  ];
  const options = [
    ...routines.flatMap(({ start, stop }, at) => [
      { option: start, path: ["routines", at, "start"] },
      ...(stop === undefined ? [] : [{ option: stop, path: ["routines", at, "stop"] }]),
    ]),
    ...outputs.map(({ state }, at) => ({ option: state, path: ["outputs", at, "state"] })),
  ];
  return [
    ...read.flatMap(({ one, path }) => recordProblems(one, path)),
    ...routines.flatMap(({ result: { signals, verdict } }, at) => [
      ...signals.flatMap((one, index) => signalProblem(one, undefined, ["routines", at, "result", "signals", index])),
      ...(verdict === undefined || signals.some(({ name }) => name === verdict.signal)
        ? []
        : [{ path: ["routines", at, "result", "verdict", "signal"], message: "is no signal of this result" }]),
    ]),
    ...options.flatMap(({ option: { bytes, arguments: given }, path }) =>
      given.flatMap((one, index) => signalProblem(one, bytes.length / 2, [...path, "arguments", index])),
    ),
  ];
}

function recordProblems(
  { length, text, signals }: Pick<EcuDid, "length" | "text" | "signals">,
  path: EcuProblem["path"],
): readonly EcuProblem[] {
  if (text !== undefined && signals.length > 0)
    return [{ path: [...path, "text"], message: "what is text has no signals" }];
  return signals.flatMap((one, index) => signalProblem(one, length, [...path, "signals", index]));
}

function signalProblem(
  one: Omit<EcuSignal, "texts">,
  length: number | undefined,
  path: EcuProblem["path"],
): readonly EcuProblem[] {
  const message = layoutProblem(one, length ?? MAX_DATA_BYTES);
  return message === undefined ? [] : [{ path: [...path, "startBit"], message }];
}

function occurrenceProblems({ troubleCodes: { occurrences, extendedData: records } }: Ecu): readonly EcuProblem[] {
  const names = records.flatMap(({ signals }) => signals.map(({ name }) => name));
  if (occurrences === undefined || names.includes(occurrences)) return [];
  return [{ path: ["troubleCodes", "occurrences"], message: "is no signal of extendedData" }];
}

/** Security levels are odd, and those that something needs are there. */
function accessProblems({ security, dids, routines, outputs, resets }: Ecu): readonly EcuProblem[] {
  const even = security.flatMap(({ level }, at) =>
    level % 2 === 1 ? [] : [{ path: ["security", at, "level"], message: "must be odd, as the request for a seed is" }],
  );
  const needs = [
    ...dids.map(({ security: level }, at) => ({ level, path: ["dids", at, "security"] })),
    ...dids.map(({ write }, at) => ({ level: write?.security, path: ["dids", at, "write", "security"] })),
    ...Object.entries({ routines, outputs, resets }).flatMap(([key, list]) =>
      list.map(({ security: level }, at) => ({ level, path: [key, at, "security"] })),
    ),
  ];
  const known = new Set(security.map(({ level }) => level));
  const missing = needs.filter(({ level }) => level !== undefined && !known.has(level));
  return [...even, ...missing.map(({ level, path }) => ({ path, message: `security has no level ${level}` }))];
}

/** Positions of what was there before. */
export function repeated<T>(list: readonly T[], keyOf: (one: T) => string): readonly number[] {
  const seen = new Set<string>();
  return list.flatMap((one, index) => {
    const key = keyOf(one);
    if (seen.has(key)) return [index];
    seen.add(key);
    return [];
  });
}

function shown(value: string | number): string {
  return typeof value === "number" ? `0x${value.toString(16).padStart(2, "0")}` : value;
}

/**
 * Control units of one bus whose answers cannot be told apart, or that one request would reach together: position in `ecus` of the second of
 * two, and which the first is.
 */
export function sharedAddresses(ecus: readonly Ecu[]): readonly { readonly at: number; readonly with: string }[] {
  const keys = (one: Ecu): readonly string[] => [
    `${one.idBits} ${one.request} ${one.requestByte ?? "-"}`,
    `${one.idBits} ${one.response} ${one.responseByte ?? "-"}`,
  ];
  return ecus.flatMap((one, at) => {
    const other = ecus.slice(0, at).find((before) => keys(before).some((key) => keys(one).includes(key)));
    return other === undefined ? [] : [{ at, with: other.name }];
  });
}

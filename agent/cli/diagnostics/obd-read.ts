import { AgentError, EXIT } from "../../core/errors.ts";
import type { PidData } from "../../diagnostics/obd/current-data.ts";
import { FREEZE_CODE_PID } from "../../diagnostics/obd/freeze-frame.ts";
import { hexByte } from "../../diagnostics/obd/malformed.ts";
import type { ObdClient } from "../../diagnostics/obd/obd-client.ts";
import { pidsNamed } from "../../diagnostics/obd/pid-names.ts";
import { valuesOf } from "../../diagnostics/obd/pid-values.ts";
import { pollsOf } from "../../diagnostics/obd/poll-plan.ts";
import { readSupport } from "../../diagnostics/obd/scan.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { alignColumns } from "../text.ts";
import { outcomeFault } from "./obd-outcome.ts";
import type { ObdSession } from "./obd-session.ts";

/** What is read: live data, the freeze frame, or results of tests. */
export type ReadOptions = { readonly freeze: boolean; readonly tests: boolean };

type Row = Readonly<Record<"ecu" | "pid" | "name" | "unit", string>> & {
  readonly value: number | string;
  readonly text?: string | undefined;
  readonly test?: { readonly least: number; readonly most: number; readonly passed: boolean } | undefined;
};

/** Prints values of the ECUs. Throws `usage.invalid` for a name that is no PID; ends with "nothing to do" where no ECU has any of them. */
export async function readValues(
  context: CliContext,
  { bus, clients, signal }: ObdSession,
  { freeze, tests, pids: names }: ReadOptions & { readonly pids: readonly string[] },
): Promise<void> {
  const wanted = names.length === 0 ? undefined : new Set(names.flatMap(pidsAt));
  const rows: Row[] = [];
  for (const client of clients) {
    const read = tests ? readTests : freeze ? readFrozen : readLive;
    rows.push(...(await read(client, wanted, signal)));
  }
  if (context.options().json) printJson(context, { schemaVersion: 1, bus, values: rows });
  else printRows(context, rows);
  if (rows.length > 0) return;
  note(context, freeze ? "no freeze frame is stored" : "no control unit has what was asked for");
  context.finish(EXIT.nothingToDo);
}

function printRows(context: CliContext, rows: readonly Row[]): void {
  if (rows.length === 0) return;
  const cells = rows.map(({ ecu, pid, name, value, unit, text, test }) => {
    const limits =
      test === undefined ? [] : [`${shown(test.least)}..${shown(test.most)}`, test.passed ? "passed" : "failed"];
    return [ecu, pid, name, text ?? shown(value), unit, ...limits];
  });
  for (const line of alignColumns([["ECU", "PID", "NAME", "VALUE", "UNIT"], ...cells])) printLine(context, line);
}

function shown(value: number | string): string {
  return typeof value === "string" ? value : `${Number(value.toFixed(3))}`;
}

function pidsAt(name: string): readonly number[] {
  const found = pidsNamed(name);
  if (found.kind === "pids") return found.pids;
  throw new AgentError("usage.invalid", {
    what: found.problem,
    remedy: "name what causeway obd scan lists, or a number as 0x0c",
  });
}

async function readLive(
  client: ObdClient,
  wanted: ReadonlySet<number> | undefined,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const support = await readSupport(client, signal);
  if (support.kind !== "done") throw outcomeFault(support, client.ecu, "the parameters that it has");
  const pids = support.value.pids.filter((pid) => wanted?.has(pid) ?? true);
  const rows: Row[] = [];
  for (const poll of pollsOf(support.value, [{ pids, everyMs: 1 }])) {
    const outcome = await client.currentData(poll.pids, signal);
    if (outcome.kind === "done") rows.push(...outcome.value.values.flatMap((value) => rowsOf(client, value)));
    else if (outcome.kind === "withheld" || outcome.kind === "fault")
      throw outcomeFault(outcome, client.ecu, "live data");
  }
  return rows;
}

async function readFrozen(
  client: ObdClient,
  wanted: ReadonlySet<number> | undefined,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const cause = await client.freezeFrame(FREEZE_CODE_PID, signal);
  if (cause.kind === "done" && cause.value.data.every((byte) => byte === 0)) return [];
  const pids = await client.frozenPids(signal);
  if (pids.kind === "negative" || pids.kind === "silent") return [];
  if (pids.kind !== "done") throw outcomeFault(pids, client.ecu, "the freeze frame");
  const rows: Row[] = [];
  for (const pid of pids.value.filter((one) => wanted?.has(one) ?? true)) {
    const outcome = await client.freezeFrame(pid, signal);
    if (outcome.kind === "done") rows.push(...rowsOf(client, outcome.value));
    else if (outcome.kind === "withheld") throw outcomeFault(outcome, client.ecu, "the freeze frame");
  }
  return rows;
}

async function readTests(client: ObdClient, _: unknown, signal: AbortSignal): Promise<readonly Row[]> {
  const monitors = await client.monitors(signal);
  if (monitors.kind === "negative" || monitors.kind === "silent") return [];
  if (monitors.kind !== "done") throw outcomeFault(monitors, client.ecu, "its monitors");
  const rows: Row[] = [];
  for (const monitor of monitors.value) {
    const outcome = await client.testResults(monitor, signal);
    if (outcome.kind !== "done") continue;
    for (const { test, value, unit = "", least, most, passed } of outcome.value) {
      const name = `test_${test.toString(16).padStart(2, "0")}`;
      rows.push({ ecu: client.ecu.name, pid: hexByte(monitor), name, value, unit, test: { least, most, passed } });
    }
  }
  return rows;
}

/** A PID that is not in the table as its bytes. */
function rowsOf({ ecu }: ObdClient, { pid, data }: PidData): readonly Row[] {
  const place = { ecu: ecu.name, pid: hexByte(pid) };
  const values = valuesOf(pid, data);
  if (values.length > 0) return values.map((value) => ({ ...place, ...value }));
  return [{ ...place, name: "-", value: Buffer.from(data).toString("hex"), unit: "" }];
}

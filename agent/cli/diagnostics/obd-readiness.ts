import { EXIT } from "../../core/errors.ts";
import type { ObdClient } from "../../diagnostics/obd/obd-client.ts";
import { type PidValue, valuesOf } from "../../diagnostics/obd/pid-values.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { alignColumns } from "../text.ts";
import { outcomeFault } from "./obd-outcome.ts";
import type { ObdSession } from "./obd-session.ts";

const STATUS_PID = 0x01;
const [MONITOR, STATUS] = ["_monitor", "_status"];

type Readiness = {
  readonly ecu: string;
  readonly mil: boolean;
  readonly codes: number;
  readonly ignition: string | undefined;
  readonly monitors: readonly { readonly name: string; readonly complete: boolean }[];
};

/** Prints the state of lamp and monitors of the ECUs; ends with "nothing to do" where a monitor that is there has not run to its end. */
export async function showReadiness(context: CliContext, { bus, clients, signal }: ObdSession): Promise<void> {
  const ecus: Readiness[] = [];
  for (const client of clients) {
    const readiness = await readReadiness(client, signal);
    if (readiness !== undefined) ecus.push(readiness);
  }
  const isReady = ecus.every(({ monitors }) => monitors.every(({ complete }) => complete));
  if (context.options().json) printJson(context, { schemaVersion: 1, bus, ready: isReady, ecus });
  else for (const one of ecus) printReadiness(context, one);
  if (ecus.length === 0) note(context, `no control unit on ${bus} tells its readiness`);
  if (ecus.length === 0 || !isReady) context.finish(EXIT.nothingToDo);
}

async function readReadiness(client: ObdClient, signal: AbortSignal): Promise<Readiness | undefined> {
  const outcome = await client.currentData([STATUS_PID], signal);
  if (outcome.kind === "negative" || outcome.kind === "silent") return undefined;
  if (outcome.kind !== "done") throw outcomeFault(outcome, client.ecu, "its readiness");
  const values = new Map(valuesOf(STATUS_PID, outcome.value.values[0].data).map((value) => [value.name, value]));
  return {
    ecu: client.ecu.name,
    mil: values.get("mil")?.value === 1,
    codes: values.get("confirmed_code_count")?.value ?? 0,
    ignition: values.get("ignition")?.text,
    monitors: monitorsOf(values),
  };
}

/** Those that the ECU has. */
function monitorsOf(values: ReadonlyMap<string, PidValue>): Readiness["monitors"] {
  return [...values.values()]
    .filter(({ name, value }) => name.endsWith(MONITOR) && value === 1)
    .map(({ name }) => {
      const plain = name.slice(0, -MONITOR.length);
      return { name: plain, complete: values.get(`${plain}${STATUS}`)?.value === 0 };
    });
}

function printReadiness(context: CliContext, { ecu, mil, codes, ignition = "-", monitors }: Readiness): void {
  printLine(
    context,
    `${ecu}: malfunction lamp ${mil ? "on" : "off"}, ${codes} confirmed trouble codes, ${ignition} ignition`,
  );
  const rows = monitors.map(({ name, complete }) => [`  ${name}`, complete ? "complete" : "not complete"]);
  for (const line of alignColumns(rows)) printLine(context, line);
}

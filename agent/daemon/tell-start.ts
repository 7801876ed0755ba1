import type { StartMarks } from "../core/start-marks.ts";
import type { Broker } from "../ports/broker.ts";
import type { Runtime } from "./parts.ts";

/** Says at debug level how far the start was when, once there is a connection. */
export async function tellStart(
  broker: Broker,
  { marks, log, startedAtMs }: Pick<Runtime, "marks" | "log" | "startedAtMs">,
  signal: AbortSignal,
): Promise<void> {
  if (marks === undefined || (await broker.online(signal)) === undefined) return;
  marks.note("online");
  log.debug("agent.start-timed", { beganMs: startedAtMs, ...marks.facts() });
}

/** Of the services, the one that a start is judged by: from it on there is a record. */
export function noteStarted(marks: StartMarks | undefined, service: string): void {
  if (service === "pipeline") marks?.note("record");
}

import type { CommandsParts } from "../local-api/commands-handlers.ts";
import type { Updates } from "./compose-updates.ts";

/** What the vehicle should not be sent to sleep over, for people; undefined where there is nothing. */
export function workUnderWay(
  commands: Pick<CommandsParts, "dispatchParts"> | undefined,
  updates: Pick<Updates, "report"> | undefined,
): string | undefined {
  const running = commands?.dispatchParts.runner.slots.size ?? 0;
  if (running > 0) return `commands are under way: ${running}`;
  const update = updates?.report.update();
  // One that waits for a window or for somebody may wait asleep too.
  if (update === undefined || update.isOver || update.waitingFor !== undefined) return undefined;
  return `an update is under way: ${update.step}`;
}

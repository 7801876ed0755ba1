import { setImmediate as nextTurn } from "node:timers/promises";
import type { AgentConfig } from "../../config/schema.ts";
import { openLogFolder } from "../../drivers/os/log-folder.ts";
import { AgentError } from "../core/errors.ts";
import { EVERY_FRAME } from "../ports/can-bus.ts";
import { parseCandumpFilters, receiveFiltersOf } from "../signals/log-formats/candump-filter.ts";
import type { BusFrames } from "../signals/wanted-signals.ts";
import { ContinuousLog } from "../telemetry/frame-log/continuous-log.ts";
import { LogFiles } from "../telemetry/frame-log/log-files.ts";
import type { Runtime } from "./parts.ts";

/** The continuous log, and the frames that it needs from the buses. */
export type FrameLogLine = { readonly log: ContinuousLog; readonly frames: readonly BusFrames[] };

/** Undefined where nothing is logged, which then costs nothing. Throws `config.invalid` for filters that make no sense together. */
export function composeFrameLog(
  { frameLog: settings, buses }: Pick<AgentConfig, "frameLog" | "buses">,
  { clock, log }: Pick<Runtime, "clock" | "log">,
): FrameLogLine | undefined {
  if (settings === undefined) return undefined;
  const { folder, ids, bufferBytes, format, splitBytes, splitSeconds, maxBytes, keepFreeBytes } = settings;
  const named = settings.buses ?? buses.map(({ name }) => name);
  const wants = ids === undefined ? undefined : parseCandumpFilters(ids);
  if (typeof wants === "string") {
    throw new AgentError("config.invalid", { what: `frameLog.ids: ${wants}`, remedy: "correct the filter" });
  }
  const files = new LogFiles(openLogFolder(folder), { format, splitBytes, splitSeconds, maxBytes, keepFreeBytes });
  const filters = ids === undefined ? EVERY_FRAME : receiveFiltersOf(ids);
  return {
    log: new ContinuousLog({
      settings: { buses: named, wants, bufferBytes },
      files,
      clock,
      log,
      turn: () => nextTurn(),
    }),
    frames: named.map((bus) => ({ bus, filters })),
  };
}

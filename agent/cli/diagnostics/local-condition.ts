import type { ConditionConfig } from "../../../config/catalogue.ts";
import type { LoadedConfig } from "../../../config/load.ts";
import type { Clock } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import { loadSignalTable } from "../../daemon/configuration/load-table.ts";
import { FRAME_DATA_OFFSET, FRAME_FLAG, FRAME_STRIDE_BYTES, type FrameBatch } from "../../ports/frame.ts";
import { LatestSignals } from "../../signals/latest-signals.ts";
import { Collector } from "../../telemetry/collect/collector.ts";
import { buildSafetyGate, type SafetyGate } from "../../vehicle/safety-gate.ts";
import { ClockSteps } from "../../vehicle/time/clock-steps.ts";

/** The state of the vehicle as the frames of one bus show it. */
export type LocalCondition = Pick<SafetyGate, "check"> & {
  /** Frames of the bus come. */
  onFrames(batch: FrameBatch): void;
};

/**
 * The condition of a bus without the running agent: its signals are read off that bus alone, so that one of another bus is never
 * received. Throws `config.invalid`.
 */
export async function localCondition(
  loaded: LoadedConfig,
  bus: string,
  condition: ConditionConfig,
  clock: Clock,
): Promise<LocalCondition> {
  const { table } = await loadSignalTable(loaded);
  const collector = new Collector(table);
  const signals = new LatestSignals(table, collector.latest);
  const built = buildSafetyGate(condition, { signals, steps: new ClockSteps(clock), clock });
  if (built.kind === "unfit") {
    throw new AgentError("config.invalid", {
      what: built.problems
        .map(({ path, problem }) => `condition of bus ${bus}: ${path.join(".")} ${problem}`)
        .join("\n"),
      remedy: "name signals of the DBC files, see: causeway dbc list",
    });
  }
  const messages = table.bus(bus);
  const onFrames = (batch: FrameBatch): void => {
    for (let at = 0; at < batch.count; at += 1) {
      const flags = batch.flags(at);
      if ((flags & (FRAME_FLAG.error | FRAME_FLAG.remote)) !== 0) continue;
      const message = messages.find(batch.id(at), (flags & FRAME_FLAG.extended) !== 0);
      if (message === undefined) continue;
      const length = batch.length(at);
      const dataAt = at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
      message.decode(batch.bytes, dataAt, length, table.values, table.wides, table.present);
      const firstSlot =
        message.pgn === undefined ? message.firstSignal : table.slots.firstSlotOf(message, batch.id(at));
      collector.take(message, !message.multiplexed && length >= message.neededBytes, batch.receivedAtUs(at), firstSlot);
    }
  };
  return { check: () => built.gate.check(), onFrames };
}

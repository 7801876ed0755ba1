import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { takeHistoryFile, writeHistoryFile } from "../../drivers/os/history-file.ts";
import { atRest, fromRest, REST_OVERHEAD_BYTES } from "../../drivers/sqlite/outbox/rest-cipher.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { FrameHistory } from "../telemetry/history/frame-history.ts";
import { KEPT_OVERHEAD_BYTES, packHistory, unpackHistory } from "../telemetry/history/kept-history.ts";
import type { OutboxKey } from "./outbox-key.ts";

/** Its place among what the key encrypts. */
const REST_ID = { kept: "file history.bin" } as const;

/** Takes the kept history up before the first frame, and keeps the newest seconds once the pipeline has stopped, encrypted as the outbox is. What cannot be kept is told. */
export function historyService(
  history: FrameHistory,
  config: Pick<AgentConfig, "buses" | "campaigns" | "stateDir">,
  key: Pick<OutboxKey, "cipher"> | undefined,
  log: Log,
): Service {
  const path = join(config.stateDir, "history.bin");
  const buses = config.buses.map(({ name }) => name);
  const { maxBytes, keepSeconds } = config.campaigns.history;
  return {
    name: "history",
    start: async () => {
      const taken = takeHistoryFile(path, maxBytes + KEPT_OVERHEAD_BYTES + REST_OVERHEAD_BYTES);
      if (taken.kind === "unusable") log.warn("history.unusable", { what: taken.problem });
      if (taken.kind !== "taken") return;
      const bytes = opened(taken.bytes, key);
      if (bytes === undefined) log.warn("history.unusable", { what: "the key that encrypted it is not at hand" });
      if (bytes === undefined) return;
      const unpacked = unpackHistory(bytes, history, buses);
      if (unpacked.kind === "damaged") log.warn("history.unusable", { what: unpacked.problem });
      else log.info("history.resumed", { frames: unpacked.frames, skipped: unpacked.skipped });
    },
    stop: async () => {
      if (keepSeconds === 0) return;
      const bytes = packHistory(history, buses, keepSeconds * 1000);
      if (bytes === undefined) return;
      try {
        writeHistoryFile(path, atRest(key?.cipher(), REST_ID, bytes));
      } catch (thrown) {
        if (!(thrown instanceof AgentError)) throw thrown;
        log.warn("history.not-kept", { what: thrown.message, remedy: thrown.remedy });
      }
    },
  };
}

function opened(bytes: Uint8Array, key: Pick<OutboxKey, "cipher"> | undefined): Uint8Array | undefined {
  try {
    return fromRest(key?.cipher(), REST_ID, bytes);
  } catch (thrown) {
    if (thrown instanceof AgentError) return undefined;
    throw thrown;
  }
}

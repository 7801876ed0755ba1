import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { openOutbox } from "../../drivers/sqlite/outbox/outbox.ts";
import { StandbyOutbox, type StandbyParts } from "../../drivers/sqlite/outbox/standby-outbox.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { memoryBounds } from "../ports/outbox-faults.ts";

/** What the outbox is wired with. */
export type OutboxParts = {
  readonly config: AgentConfig;
  /** Kernel boot id. */
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** The part of the composition root that wires the outbox: on the disk, with memory that stands in for it. Throws the faults of the outbox. */
export function composeOutbox({ config, bootId, clock, log }: OutboxParts): StandbyOutbox {
  const file = join(config.stateDir, "outbox.db");
  const { maxBytes } = config.outbox;
  const standbyFiles = [join(config.runtimeDir, "outbox.standby"), `${file}.standby`];
  const disk = { file, maxBytes, bootId, clock, log, standbyFiles };
  const openDisk: StandbyParts["openDisk"] = (adopt) => openOutbox(disk, adopt).outbox;
  const memoryBytes = memoryBounds(config.collect.holdBytes).standbyBytes;
  return new StandbyOutbox({ openDisk, memoryBytes, bootId, standbyFiles, clock, log });
}

import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { openJournal } from "../../drivers/sqlite/journal/journal.ts";
import { noJournal } from "../../drivers/sqlite/journal/no-journal.ts";
import { openOutbox } from "../../drivers/sqlite/outbox/outbox.ts";
import { StandbyOutbox, type StandbyParts } from "../../drivers/sqlite/outbox/standby-outbox.ts";
import { isJournalFault, type Journal } from "../ports/journal.ts";
import { recordThinner } from "../telemetry/record/thin/thin-records.ts";
import type { OutboxKey } from "./outbox-key.ts";
import type { Runtime } from "./parts.ts";

const HOUR_MS = 3_600_000;
/** Bounds of the command ledger in the journal of an agent that takes no commands. */
const DEFAULT_LEDGER = { maxCommands: 100, maxReads: 10, maxRefused: 10, keepHours: 1 } as const;

/** The outbox: on the disk, with memory that stands in for it, also while `key` is not at hand. Throws the faults of the outbox. */
export function composeOutbox(config: AgentConfig, key: OutboxKey, { bootId, clock, log }: Runtime): StandbyOutbox {
  const file = join(config.stateDir, "outbox.db");
  const { maxBytes } = config.outbox;
  const standbyFiles = [join(config.runtimeDir, "outbox.standby"), `${file}.standby`];
  const disk = { file, maxBytes, bootId, clock, log, standbyFiles };
  const thin = recordThinner(config.encode.maxPayloadBytes);
  const openDisk: StandbyParts["openDisk"] = (adopt) => {
    const { outbox, lostKey } = openOutbox(disk, adopt, { thin, cipher: key.cipher() });
    if (lostKey !== undefined) key.noteLost(lostKey);
    return outbox;
  };
  const memoryBytes = config.collect.holdBytes;
  return new StandbyOutbox({ openDisk, memoryBytes, bootId, thin, standbyFiles, clock, log });
}

/** The journal, where something needs it. One that cannot be opened takes what needs it away, not the rest of the agent. */
export function composeJournal(config: AgentConfig, { clock, log }: Runtime): Journal | undefined {
  const { commands, ota, diagnostics, power, place, security, defender, files } = config;
  const isNeeded = [commands, ota, diagnostics, power, place, security, defender, files].some(
    (section) => section !== undefined,
  );
  if (!isNeeded) return undefined;
  const { keepHours, ...bounds } = commands?.ledger ?? DEFAULT_LEDGER;
  const file = join(config.stateDir, "journal.db");
  try {
    return openJournal({ ...bounds, keepMs: keepHours * HOUR_MS, file, clock, log });
  } catch (thrown) {
    if (!isJournalFault(thrown)) throw thrown;
    log.error("journal.not-opened", { file, code: thrown.code, what: thrown.message, remedy: thrown.remedy });
    return noJournal(thrown);
  }
}

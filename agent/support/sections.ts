import { statfs } from "node:fs/promises";
import { freemem, loadavg, release, totalmem, uptime } from "node:os";
import { readAuditHead } from "../commands/audit.ts";
import type { LedgerEntry } from "../commands/ledger.ts";
import type { Journal } from "../ports/journal.ts";

/** Commands that a bundle lists. */
const COMMANDS = 50;

/** What a bundle says of the machine. */
export async function machineSection(stateDir: string): Promise<unknown> {
  const disk = await statfs(stateDir);
  return {
    node: process.version,
    architecture: process.arch,
    kernel: release(),
    uptimeSeconds: Math.round(uptime()),
    load: loadavg(),
    memory: { totalBytes: totalmem(), freeBytes: freemem() },
    stateDir: { freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize },
  };
}

/** What a bundle says of commands: how they ended, not what they gave, which may be where the vehicle is. */
export function commandsSection(journal: Journal, list: (limit: number) => readonly LedgerEntry[]): unknown {
  return {
    ledger: { ...journal.status(), ...journal.stats() },
    audit: readAuditHead(journal) ?? "no entry",
    newest: list(COMMANDS).map(({ id, action, state, isReported, reply, answer }) => ({
      id,
      action,
      channel: reply.channel,
      state,
      isReported,
      status: answer?.status,
      reason: answer?.reason?.code,
    })),
  };
}

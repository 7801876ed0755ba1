import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openJournal } from "../../../drivers/sqlite/journal/journal.ts";
import { CommandBench } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { diskFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const RUNNER = fileURLToPath(new URL("./command-runner.ts", import.meta.url));
/** More than there are places to end in one command: the last ones are never reached. */
const STEPS = 16;
/** Each kill costs the start of a process; CAUSEWAY_KILL_ROUNDS=20 is what the product promises. */
const ROUNDS = Number(process.env.CAUSEWAY_KILL_ROUNDS ?? 2);

async function runToEnd(folder: string): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    const child = spawn(process.execPath, [RUNNER, folder], {
      stdio: ["ignore", "ignore", "inherit"],
      // Hundreds of starts: what was compiled once is taken again.
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, "compiled") },
    });
    await once(child, "exit");
    if (child.signalCode !== "SIGKILL") {
      expect(child.exitCode).toBe(0);
      return kills;
    }
  }
}

function linesOf(folder: string, name: string): readonly string[] {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

describe("a command whose process is killed at every step of ledger, act and answer", () => {
  it.each(["doors.lock", "state.activate"])(
    "acts at most once, ends with exactly one status, and is indeterminate only where nobody can know: %s",
    async (action) => {
      const folder = diskFolder();
      const bench = new CommandBench();
      const given = action === "state.activate" ? { template: "motion", minutes: 60 } : {};
      const commands = Array.from({ length: STEPS * ROUNDS }, (_, at) => {
        const id = `c-${at}`;
        return {
          id,
          killAtStep: 1 + (at % STEPS),
          body: JSON.stringify(bench.signed(action, { id, arguments: given, expiresAtMs: bench.nowMs + 3_000_000 })),
        };
      });
      writeFileSync(join(folder, "plan.json"), JSON.stringify({ key: bench.key.pinned, commands }));
      const kills = await runToEnd(folder);

      const acts = linesOf(folder, "acts");
      expect(new Set(acts).size).toBe(acts.length);
      // What was activated before a kill is active after it.
      if (action === "state.activate") expect(linesOf(folder, "restored").at(-1)).toBe("motion");
      const statuses = new Map<string, Set<string>>();
      for (const line of linesOf(folder, "answers")) {
        const [id = "", ...status] = line.split(" ");
        statuses.set(id, (statuses.get(id) ?? new Set()).add(status.join(" ").trim()));
      }
      expect([...statuses.values()].filter((told) => told.size !== 1)).toEqual([]);
      expect(statuses.size).toBe(commands.length);
      const acted = new Set(acts);
      const of = (status: string) => [...statuses].filter(([, told]) => told.has(status)).map(([id]) => id);
      const succeeded = [...of("SUCCEEDED"), ...of("SUCCEEDED STATE_TEMPLATE_ALREADY_ACTIVATED")];
      expect(succeeded.filter((id) => !acted.has(id))).toEqual([]);
      expect(of("FAILED NOT_STARTED").filter((id) => acted.has(id))).toEqual([]);
      expect(succeeded.length + of("FAILED NOT_STARTED").length + of("FAILED INDETERMINATE").length).toBe(
        commands.length,
      );
      // Each of the places that are reached was reached in each round.
      expect(kills % ROUNDS).toBe(0);
      expect(kills / ROUNDS).toBeGreaterThanOrEqual(10);
      const journal = openJournal({
        maxCommands: 10_000,
        maxReads: 100,
        maxRefused: 100,
        keepMs: 3_600_000,
        file: join(folder, "journal.db"),
        clock: new ManualClock(),
        log: new MemoryLog(),
      });
      expect(journal.status()).toEqual({ kind: "sound" });
      expect(journal.unreportedCommands(10)).toEqual([]);
      journal.close();
    },
    100_000 + ROUNDS * 60_000,
  );
});

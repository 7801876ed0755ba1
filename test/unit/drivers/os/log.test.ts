import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { JournalLine, JournalOutcome } from "../../../../drivers/os/journal-entry.ts";
import { createLog } from "../../../../drivers/os/log.ts";

function linesOf(level: "error" | "warn" | "info" | "debug", priorityPrefix: boolean): readonly string[] {
  const lines: string[] = [];
  const log = createLog({ level, priorityPrefix, write: (line) => lines.push(line) });
  log.error("broker.refused", { attempts: 3, retryMs: undefined });
  log.warn("outbox.evicted");
  log.info("bus.up", { bus: "can0", isNew: true });
  log.debug("frame.seen");
  return lines;
}

describe("createLog", () => {
  it("makes one JSON object a line: time, level, event, facts, and nothing else", () => {
    const [first] = linesOf("info", false);
    expect(first?.replace(/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/, '"time":"T"')).toBe(
      '{"level":"error","time":"T","event":"broker.refused","attempts":3}\n',
    );
  });

  it("leaves out what is below its level", () => {
    expect(linesOf("error", false)).toHaveLength(1);
    expect(linesOf("info", false)).toHaveLength(3);
    expect(linesOf("debug", false)).toHaveLength(4);
  });

  it("starts each line with its syslog priority for the journal", () => {
    expect(linesOf("debug", true).map((line) => line.slice(0, 4))).toEqual(["<3>{", "<4>{", "<6>{", "<7>{"]);
  });

  it("gives the journal each line with its facts, and writes what that does not take, saying so once until it takes one", () => {
    const lines: string[] = [];
    const told: JournalLine[] = [];
    let outcome: JournalOutcome = "taken";
    const journal = (line: JournalLine): JournalOutcome => {
      told.push(line);
      return outcome;
    };
    const log = createLog({ level: "info", priorityPrefix: true, journal, write: (line) => lines.push(line) });
    log.info("bus.up", { bus: "can0" });
    log.debug("frame.seen");
    expect(lines).toEqual([]);
    expect(told).toMatchObject([{ priority: 6, event: "bus.up", facts: { bus: "can0" } }]);
    expect(told[0]?.text).toMatch(/^\{"level":"info",.*"event":"bus.up","bus":"can0"\}$/);
    outcome = "busy";
    log.error("bus.busy");
    outcome = { problem: "send -111" };
    log.error("bus.failed");
    log.error("bus.failed");
    expect(lines.map((line) => line.replace(/^(<.>).*"event":/, "$1 "))).toEqual([
      '<3> "bus.busy"}\n',
      '<3> "bus.failed"}\n',
      '<4> "log.journal-refused","problem":"send -111"}\n',
      '<3> "bus.failed"}\n',
    ]);
    outcome = "taken";
    log.info("bus.up");
    outcome = { problem: "send -111" };
    log.error("bus.failed");
    expect(lines).toHaveLength(6);
  });

  it("has written a line to stdout when the call returns, even when the process then dies", () => {
    const script = `
      import { createLog } from ${JSON.stringify(import.meta.resolve("../../../../drivers/os/log.ts"))};
      createLog({ level: "info", priorityPrefix: false }).info("agent.started");
      process.kill(process.pid, "SIGKILL");
    `;
    let output = "";
    try {
      execFileSync(process.execPath, ["--input-type=module", "-e", script], { stdio: "pipe", encoding: "utf8" });
    } catch (thrown) {
      if (thrown instanceof Error && "stdout" in thrown) output = String(thrown.stdout);
    }
    expect(output).toContain('"event":"agent.started"');
  });
});

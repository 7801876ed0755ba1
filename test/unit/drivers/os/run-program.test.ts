import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../../../drivers/os/run-program.ts";
import { until } from "../../../bench/core/wait.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const never = new AbortController().signal;

function script(folder: string, body: string): string {
  const file = join(folder, "program");
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

describe("runProgram", () => {
  it("hands arguments over as they are, with no shell and no environment of ours", async () => {
    const folder = temporaryFolder();
    const program = script(folder, 'printf "%s|" "$@"; env | sort | cut -d= -f1 | tr "\\n" " "; echo oops >&2');
    const args = ["$(touch x)", "a b", "; reboot", "`id`", "*"];
    const end = await runProgram(program, args, 5000, never);
    expect(end).toMatchObject({ kind: "exited", code: 0, stderr: "oops\n", errorLines: 1 });
    expect(end.kind === "exited" ? end.stdout : "").toBe("$(touch x)|a b|; reboot|`id`|*|LANG PATH PWD ");
  });

  it("keeps the end of much output and the exit code", async () => {
    const program = script(temporaryFolder(), "seq 1 100000; exit 7");
    const end = await runProgram(program, [], 20_000, never);
    expect(end).toMatchObject({ kind: "exited", code: 7 });
    expect(end.kind === "exited" ? end.stdout.length : 0).toBeLessThanOrEqual(1024);
  });

  it("ends the program and what it has started at the time limit, and when it is told to stop", async () => {
    const folder = temporaryFolder();
    const pidFile = join(folder, "pid");
    const program = script(folder, `sleep 300 & echo $! >${pidFile}; wait`);
    expect(await runProgram(program, [], 500, never)).toEqual({ kind: "timed-out" });
    const stop = new AbortController();
    const running = runProgram(program, [], 60_000, stop.signal);
    stop.abort();
    expect(await running).toEqual({ kind: "stopped" });
    const pid = readFileSync(pidFile, "utf8").trim();
    await until(() => (isRunning(pid) ? undefined : true), { what: "the child is gone", timeoutMs: 20_000 });
  });

  it("says what cannot be run", async () => {
    const end = await runProgram("/nowhere/program", [], 1000, never);
    expect(end).toEqual({ kind: "not-run", detail: "/nowhere/program: ENOENT" });
  });
});

/** A dead process that nobody has waited for yet is not running. */
function isRunning(pid: string): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !readFileSync(file, "utf8").includes(") Z ");
}

import { spawn } from "node:child_process";
import { join } from "node:path";
import xterm from "@xterm/headless";
import { describe, expect, it, onTestFinished } from "vitest";
import { WatchedAgent } from "../../fakes/signals/watched-agent.ts";

const MAIN = join(import.meta.dirname, "../../../agent/main.ts");
const MANY = Array.from({ length: 30 }, (_, index) => ({ name: `Signal${index}`, unit: "km/h" }));

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Runs `causeway ARGS...` on a terminal of the kernel, which script (util-linux) opens and which says its `size`; what it writes goes through xterm.js. */
function runOnTerminal(args: readonly string[], columns: number, rows: number, size = `cols ${columns} rows ${rows}`) {
  const command = [process.execPath, MAIN, ...args].map(quoted).join(" ");
  const child = spawn("script", ["-qec", `stty ${size}; exec ${command}`, "/dev/null"], {
    env: { ...process.env, TERM: "xterm-256color", SHELL: "/bin/sh" },
  });
  onTestFinished(() => void child.kill());
  const emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  child.stdout.on("data", (bytes: Uint8Array) => emulator.write(bytes));
  const lines = async () => {
    await new Promise<void>((resolve) => emulator.write("", resolve));
    const { active } = emulator.buffer;
    return Array.from({ length: rows }, (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? "");
  };
  return {
    type: (keys: string) => void child.stdin.write(keys),
    shows: (text: string) => expect.poll(async () => (await lines()).join("\n")).toContain(text),
    lines,
    isAlternate: () => emulator.buffer.active.type === "alternate",
    ended: new Promise<number | null>((resolve) => child.on("close", resolve)),
  };
}

function agentWith(): WatchedAgent {
  const agent = new WatchedAgent([{ name: "Everything", signals: MANY }]);
  MANY.forEach(({ name }, index) => agent.receive(`Everything.${name}`, index));
  return agent;
}

describe("a live view on a terminal of the kernel", () => {
  it("takes keys, also those of several bytes, and gives the terminal back by q", async () => {
    const terminal = runOnTerminal(["signals", "watch", "--config", await agentWith().serve()], 40, 12);
    await terminal.shows("1-10 of 30");
    expect(terminal.isAlternate()).toBe(true);
    terminal.type("\u001b[6~");
    await terminal.shows("11-20 of 30");
    terminal.type("jj\u001b[A");
    await terminal.shows("12-21 of 30");
    terminal.type("/nal29\r");
    await terminal.shows("1-1 of 1");
    expect((await terminal.lines())[1]).toMatch(/Signal29 +29 km\/h/);
    terminal.type("q");
    expect(await terminal.ended).toBe(0);
    expect(terminal.isAlternate()).toBe(false);
    expect((await terminal.lines()).join("\n")).toMatch(/Signal29 +29 km\/h/);
  });

  it("takes one that does not say its size, as a serial line, for one of 80 by 24", async () => {
    const args = ["signals", "watch", "--config", await agentWith().serve()];
    const terminal = runOnTerminal(args, 80, 24, "cols 0 rows 0");
    await terminal.shows("1-22 of 30");
    terminal.type("q");
    expect(await terminal.ended).toBe(0);
  });

  it("gives the terminal back by Ctrl-C", async () => {
    const terminal = runOnTerminal(["signals", "watch", "--config", await agentWith().serve()], 80, 24);
    await terminal.shows("1-22 of 30");
    terminal.type("\u0003");
    await terminal.ended;
    expect(terminal.isAlternate()).toBe(false);
  });
});

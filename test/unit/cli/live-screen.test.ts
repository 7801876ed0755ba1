import { describe, expect, it } from "vitest";
import type { Key } from "../../../agent/cli/context.ts";
import { type Drawing, LiveScreen } from "../../../agent/cli/live-screen.ts";
import { FakeTerminal } from "../../fakes/daemon/terminal.ts";

/** A screen on a terminal of so many columns and rows. */
function screenOn(columns: number, rows: number, onKey?: (key: Key) => boolean, term = "xterm") {
  const terminal = new FakeTerminal({ columns, rows });
  const interrupt = new AbortController();
  const context = { terminal, environment: { TERM: term }, signal: interrupt.signal };
  return { terminal, interrupt, screen: new LiveScreen(context, onKey) };
}

function filled(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line !== "");
}

describe("LiveScreen", () => {
  it("paints in place, and leaves nothing of what is shorter or gone", async () => {
    const { terminal, screen } = screenOn(20, 6);
    screen.paint(() => ["a long line here", "second", "third"]);
    screen.paint(() => ["short", "2nd"]);
    expect(await terminal.lines()).toEqual(["short", "2nd", "", "", "", ""]);
  });

  it("cuts what is wider than the terminal, never wrapping, also where it is exactly full", async () => {
    const { terminal, screen } = screenOn(10, 4);
    const lines = ["1234567890", "12345678901", "last"];
    screen.paint(() => lines);
    expect(filled(await terminal.lines())).toEqual(["1234567890", "123456789…", "last"]);
    screen.paint(() => ["abcdefghij", "12345678901", "last"]);
    expect(filled(await terminal.lines())).toEqual(["abcdefghij", "123456789…", "last"]);
  });

  it("counts colours as nothing and Chinese characters as two cells", async () => {
    const { terminal, screen } = screenOn(8, 4);
    screen.paint(() => ["\u001b[31mred text is long\u001b[39m", "车速车速车速", "after"]);
    expect(filled(await terminal.lines())).toEqual(["red tex…", "车速车…", "after"]);
  });

  it("lets no control character steer the terminal", async () => {
    const { terminal, screen } = screenOn(20, 4);
    screen.paint(() => ["tab\tand\nline\rend", "next"]);
    expect(filled(await terminal.lines())).toEqual(["tab?and?line?end", "next"]);
  });

  it("says how many lines do not fit", async () => {
    const { terminal, screen } = screenOn(20, 3);
    screen.paint(() => ["one", "two", "three", "four"]);
    expect(await terminal.lines()).toEqual(["one", "two", "... 2 more"]);
  });

  it("asks for the lines again when the size changes, and leaves no trace of those before", async () => {
    const { terminal, screen } = screenOn(40, 5);
    const drawing: Drawing = (size) => [`${size?.columns} by ${size?.rows} ${"x".repeat(60)}`, "second", "third"];
    screen.paint(drawing);
    for (const [columns, rows] of [
      [12, 3],
      [80, 24],
      [7, 2],
      [40, 5],
    ] as const) {
      terminal.resize(columns, rows);
      const [first, ...rest] = await terminal.lines();
      expect(first).toBe(`${columns} by ${rows} ${"x".repeat(60)}`.slice(0, columns - 1) + (columns < 69 ? "…" : ""));
      expect(filled(rest)).toEqual(rows === 2 ? ["... 2 …"] : ["second", "third"]);
    }
  });

  it("writes only the lines that changed", async () => {
    const { terminal, screen } = screenOn(80, 24);
    const page = (value: string) => () => [
      ...Array.from({ length: 20 }, (_, row) => `${row} ${"x".repeat(60)}`),
      value,
    ];
    screen.paint(page("1"));
    const before = terminal.written;
    screen.paint(page("2"));
    expect(terminal.written - before).toBeLessThan(20);
    expect((await terminal.lines())[20]).toBe("2");
  });

  it("gives the screen back at the end, with the last lines below what was there", async () => {
    const { terminal, screen } = screenOn(20, 6);
    terminal.stdout.write("$ causeway\n");
    screen.paint(() => ["one", "two"]);
    expect([await terminal.isAlternate(), terminal.isTaken]).toEqual([true, true]);
    screen.close();
    screen.close();
    expect([await terminal.isAlternate(), terminal.isTaken]).toEqual([false, false]);
    expect(filled(await terminal.lines())).toEqual(["$ causeway", "one", "two"]);
  });

  it("ends by q and by an interrupt", () => {
    const byKey = screenOn(20, 6);
    byKey.terminal.press("x");
    expect(byKey.screen.signal.aborted).toBe(false);
    byKey.terminal.press("q");
    expect(byKey.screen.signal.aborted).toBe(true);
    const byInterrupt = screenOn(20, 6);
    byInterrupt.interrupt.abort();
    expect(byInterrupt.screen.signal.aborted).toBe(true);
  });

  it("shows at once what a key changed, and keeps a q that belongs to a word", async () => {
    let word = "";
    const { terminal, screen } = screenOn(20, 3, ({ typed }) => {
      word += typed;
      return true;
    });
    screen.paint(() => [`> ${word}`]);
    terminal.press("e", "q");
    expect([await terminal.lines(), screen.signal.aborted]).toEqual([["> eq", "", ""], false]);
  });

  it("paints all again for ctrl-l, over what others wrote", async () => {
    const { terminal, screen } = screenOn(20, 3);
    screen.paint(() => ["one", "two"]);
    terminal.stdout.write("\u001b[1;1Hrubbish from elsewhere");
    terminal.press("ctrl-l");
    expect(await terminal.lines()).toEqual(["one", "two", ""]);
  });

  it("appends whole lines, takes no keys, and moves no cursor on a terminal that cannot", async () => {
    const { terminal, screen } = screenOn(20, 6, undefined, "dumb");
    screen.paint((size) => [size === undefined ? "whole" : "fitted"]);
    screen.paint(() => ["again"]);
    screen.close();
    expect([screen.isLive, terminal.isTaken, filled(await terminal.lines())]).toEqual([
      false,
      false,
      ["whole", "again"],
    ]);
  });
});

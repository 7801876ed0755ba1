import { describe, expect, it, onTestFinished } from "vitest";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { FakeTerminal } from "../../../fakes/daemon/terminal.ts";
import { WatchedAgent } from "../../../fakes/signals/watched-agent.ts";

const GEARBOX = {
  name: "Gearbox",
  signals: [
    { name: "Gear", texts: { raws: [3], texts: ["Drive"] } },
    { name: "OilTemperature", factor: 0.1, unit: "°C" },
    { name: "Pressure", factor: 0.1, unit: "bar" },
  ],
};

/** A gearbox of which all signals were received. */
function gearbox(): WatchedAgent {
  const agent = new WatchedAgent([GEARBOX]);
  agent.receive("Gearbox.Gear", 3);
  agent.receive("Gearbox.OilTemperature", 861);
  agent.receive("Gearbox.Pressure", 864);
  return agent;
}

/** `signals watch` on a terminal, running until the test ends. */
async function watchOn(
  agent: WatchedAgent,
  size: { readonly columns: number; readonly rows: number },
  args: readonly string[] = [],
) {
  const terminal = new FakeTerminal(size);
  const interrupt = new AbortController();
  const config = await agent.serve();
  const run = runCli(["signals", "watch", "--config", config, ...args], {
    terminal,
    signal: interrupt.signal,
    environment: { TERM: "xterm" },
  });
  onTestFinished(async () => {
    interrupt.abort();
    await run.catch(() => undefined);
  });
  const shows = async (line: string) => {
    await expect.poll(async () => (await terminal.lines()).filter((each) => each.includes(line))).not.toEqual([]);
  };
  return { terminal, run, shows };
}

/** What `signals watch` prints at first where there is no terminal. */
async function firstLook(agent: WatchedAgent, args: readonly string[] = []): Promise<string> {
  const interrupt = new AbortController();
  const run = await runCli(["signals", "watch", "--config", await agent.serve(), ...args], {
    signal: interrupt.signal,
    onStdout: () => interrupt.abort(),
  });
  return run.stdout;
}

describe("causeway signals watch without a terminal", () => {
  it("shows numbers by the resolution of their signal, and texts in place of units", async () => {
    expect(await firstLook(gearbox())).toBe(
      [
        'Gearbox.Gear            3     "Drive"  0 ms',
        "Gearbox.OilTemperature  86.1  °C       0 ms",
        "Gearbox.Pressure        86.4  bar      0 ms",
        "",
      ].join("\n"),
    );
  });

  it("gives raw and physical values as they are with --json", async () => {
    const look: unknown = JSON.parse(await firstLook(gearbox(), ["--json", "Gearbox.OilTemperature"]));
    expect(look).toMatchObject({ signals: [{ raw: 861, physical: 86.10000000000001, decimals: 1 }], matched: 1 });
  });

  it("lets no text of a DBC file steer a terminal", async () => {
    const agent = new WatchedAgent([{ name: "A", signals: [{ name: "B", unit: "\u001b[2J" }] }]);
    agent.receive("A.B", 1);
    expect(await firstLook(agent)).toBe("A.B  1  ?[2J  0 ms\n");
  });

  it("ends with 2 at once where nothing matches, and says what may have been meant", async () => {
    const config = await gearbox().serve();
    const { stdout, stderr, exitCode } = await runCli(["signals", "watch", "--config", config, "gearbox.oil*", "X.Y"]);
    expect([stdout, exitCode]).toEqual(["", 2]);
    expect(stderr).toContain("no signal matches gearbox.oil*\n  remedy: did you mean Gearbox.OilTemperature?");
    expect(stderr).toContain("no signal matches X.Y\n  remedy: write MESSAGE.SIGNAL");
  });

  it("goes on where one of several patterns matches, and says so of the other", async () => {
    const interrupt = new AbortController();
    const config = await gearbox().serve();
    const { stdout, stderr, exitCode } = await runCli(["signals", "watch", "--config", config, "*.Gear", "Gear"], {
      signal: interrupt.signal,
      onStdout: () => interrupt.abort(),
    });
    expect([stdout, exitCode]).toEqual(['Gearbox.Gear  3  "Drive"  0 ms\n', 0]);
    expect(stderr).toContain("no signal matches Gear\n  remedy: did you mean Gearbox.Gear");
  });

  it("says that it waits where signals match and none has come", async () => {
    const agent = new WatchedAgent([GEARBOX]);
    const interrupt = new AbortController();
    const run = runCli(["signals", "watch", "--config", await agent.serve(), "Gearbox.*"], {
      signal: interrupt.signal,
      onStdout: () => interrupt.abort(),
    });
    await expect
      .poll(() => {
        if (agent.looks > 1) agent.receive("Gearbox.Gear", 3);
        agent.clock.advance(500);
        return interrupt.signal.aborted;
      })
      .toBe(true);
    expect((await run).stderr).toContain("waiting for a first value of 3 signals");
  });
});

describe("causeway signals watch on a terminal", () => {
  const many = Array.from({ length: 146 }, (_, index) => ({ name: `Signal${index}`, unit: "rpm" }));

  function manySignals(): WatchedAgent {
    const agent = new WatchedAgent([{ name: "Everything", signals: many }]);
    many.forEach(({ name }, index) => agent.receive(`Everything.${name}`, index, 1));
    return agent;
  }

  it.each([20, 40, 60, 80, 132])("fits %i columns, with value, unit and age whole", async (columns) => {
    const { terminal, shows } = await watchOn(gearbox(), { columns, rows: 10 });
    await shows("86.4");
    const lines = await terminal.lines();
    const [, , line = ""] = lines;
    expect(line).toMatch(columns < 40 ? /…\w+ture +86\.1 °C$/ : /(?:…|Gearbox\.)?OilTemperature +86\.1 °C .* 0 ms$/);
  });

  it("has a way to every signal: keys go through the list", async () => {
    const { terminal, shows } = await watchOn(manySignals(), { columns: 80, rows: 24 });
    await shows("1-22 of 146");
    terminal.press("pagedown");
    await shows("23-44 of 146");
    expect((await terminal.lines())[1]).toMatch(/^Everything\.Signal22 +22 rpm/);
    terminal.press("j", "k", "k");
    await shows("22-43 of 146");
    terminal.press("end");
    await shows("125-146 of 146");
    expect((await terminal.lines())[22]).toMatch(/^Everything\.Signal145 /);
    terminal.press("pagedown", "home", "up");
    await shows("1-22 of 146");
  });

  it("filters by what is typed, until Esc", async () => {
    const { terminal, run, shows } = await watchOn(manySignals(), { columns: 80, rows: 24 });
    await shows("1-22 of 146");
    terminal.press("/", "s", "i", "g", "*", "4", "5", "return");
    await shows("1-2 of 2  /sig*45");
    expect((await terminal.lines()).slice(1, 3).map((line) => line.split(" ")[0])).toEqual([
      "Everything.Signal45",
      "Everything.Signal145",
    ]);
    terminal.press("escape");
    await shows("of 146");
    terminal.press("q");
    await run;
    expect([await terminal.isAlternate(), terminal.isTaken]).toEqual([false, false]);
  });

  it("sorts by name, age, value and rate, and goes back to the order of the file", async () => {
    const agent = gearbox();
    const { terminal, shows } = await watchOn(agent, { columns: 80, rows: 24 });
    const names = async () => (await terminal.lines()).slice(1, 4).map((line) => /\.(\w+)/.exec(line)?.[1]);
    await shows("by file");
    let ticks = 0;
    await expect
      .poll(async () => {
        ticks += 1;
        agent.clock.advance(500);
        agent.receive("Gearbox.Pressure", 864, 50 * ticks);
        agent.receive("Gearbox.OilTemperature", 10, ticks);
        return (await terminal.lines())[3];
      })
      .toMatch(/^Gearbox\.Pressure +86\.4 bar +100\/s/);
    terminal.press("s", "s");
    await shows("by age");
    expect(await names()).toEqual(["OilTemperature", "Pressure", "Gear"]);
    terminal.press("s");
    await shows("by value");
    expect(await names()).toEqual(["Pressure", "Gear", "OilTemperature"]);
    terminal.press("s");
    await shows("by rate");
    expect(await names()).toEqual(["Pressure", "OilTemperature", "Gear"]);
    terminal.press("s");
    await shows("by file");
    expect(await names()).toEqual(["Gear", "OilTemperature", "Pressure"]);
  });
});

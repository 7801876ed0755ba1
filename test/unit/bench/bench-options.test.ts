import { describe, expect, it } from "vitest";
import { parseBenchOptions } from "../../bench/run/bench-options.ts";

describe("the options of scripts/bench", () => {
  it("runs until Ctrl-C by default", () => {
    expect(parseBenchOptions([])).toEqual({
      seconds: undefined,
      json: false,
      doors: false,
      app: false,
      diagnostics: false,
      rate: 1,
      replay: undefined,
      cuts: [],
      killsAt: [],
      rootFile: undefined,
      campaigns: [],
      sinkDir: undefined,
      inspectPort: undefined,
      uiPort: undefined,
      stateDir: undefined,
      seed: 1,
    });
  });

  it("reads cuts, kills and a log", () => {
    const args =
      "--seconds 60 --json --cut 15..40 --cut 50..51.5 --kill-at 20 --replay a.log --dbc b.dbc --speed 4 --loop";
    expect(parseBenchOptions(args.split(" "))).toMatchObject({
      seconds: 60,
      json: true,
      cuts: [
        { fromS: 15, toS: 40 },
        { fromS: 50, toS: 51.5 },
      ],
      killsAt: [20],
      replay: { logFile: "a.log", dbcFile: "b.dbc", speed: 4, loop: true },
    });
  });

  it("shows a page at a port, or at one that is free", () => {
    expect(parseBenchOptions(["--ui"])).toMatchObject({ uiPort: 0 });
    expect(parseBenchOptions(["--ui", "--json"])).toMatchObject({ uiPort: 0, json: true });
    expect(parseBenchOptions(["--json", "--ui", "8080"])).toMatchObject({ uiPort: 8080, json: true });
  });

  it("opens the agent to a debugger", () => {
    expect(parseBenchOptions(["--inspect", "9229"])).toMatchObject({ inspectPort: 9229 });
  });

  it("shows commands to the doors instead", () => {
    expect(parseBenchOptions(["--doors", "--json"])).toMatchObject({ doors: true, json: true });
    expect(parseBenchOptions(["--app", "--json"])).toMatchObject({ app: true, json: true });
    expect(parseBenchOptions(["--diagnostics", "--json"])).toMatchObject({ diagnostics: true, json: true });
    expect(parseBenchOptions(["--drive", "van"])).toMatchObject({
      drive: { day: "van", speed: 60 },
      replay: undefined,
    });
    expect(parseBenchOptions(["--drive", "my.yaml", "--speed", "20"])).toMatchObject({
      drive: { day: "my.yaml", speed: 20 },
    });
  });

  it.each([
    ["--seconds", /argument missing|value|ambiguous/i],
    ["--seconds x", /give a number from 1/],
    ["--ui 70000", /give a number from 0/],
    ["--ui --sink rows", /--ui does not go with --sink/],
    ["--ui --doors", /--doors does not go with --ui/],
    ["--seconds 0", /give a number from 1/],
    ["--rate 100", /to 20/],
    ["--inspect 80", /give a number from 1024/],
    ["--cut 5", /two seconds/],
    ["--cut 9..5", /two seconds/],
    ["--sink", /argument missing|value|ambiguous/i],
    ["--app --sink rows", /--app does not go with --sink/],
    ["--diagnostics --seed 3", /--diagnostics does not go with --seed/],
    ["--drive van --seconds 3", /--drive does not go with --seconds/],
    ["--drive van --speed 500", /--speed 500: give a number from 1 to 120/],
    ["--replay a.log", /needs the DBC/],
    ["--loop", /go with --replay/],
    ["--doors --rate 2", /--doors does not go with --rate/],
    ["--faster", /unknown option/i],
  ])("refuses %s", (line, message) => {
    expect(() => parseBenchOptions(line.split(" "))).toThrow(message);
  });
});

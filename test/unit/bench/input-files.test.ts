import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseBenchOptions } from "../../bench/run/bench-options.ts";
import { checkInputFiles, replayedSignals } from "../../bench/run/input-files.ts";

const DBC = `VERSION ""
BU_: A
BO_ 256 Engine: 8 A
 SG_ Rpm : 0|16@1+ (0.25,0) [0|0] "1/min" A
 SG_ Load : 16|8@1+ (1,0) [0|0] "%" A
BO_ 512 Brake: 8 A
 SG_ Pressure : 0|8@1+ (1,0) [0|0] "bar" A
BO_ 768 Door: 8 A
 SG_ Open : 0|1@1+ (1,0) [0|0] "" A
`;

describe("the files of the bench's command line", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-input-files-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  function check(args: string): void {
    const options = parseBenchOptions(args.split(" "));
    if (options !== "help") checkInputFiles(options);
  }

  it("names a log, a DBC file, a trust root or a campaign that is not there, with its option", () => {
    const log = file("there.log", "");
    expect(() => check(`--replay ${folder}/no.log --dbc ${log}`)).toThrow(
      /^the log of --replay, .*no\.log, is not there$/,
    );
    expect(() => check(`--replay ${log} --dbc ${folder}/no.dbc`)).toThrow(
      /^the DBC file of --dbc, .*no\.dbc, is not there$/,
    );
    expect(() => check(`--root ${folder}/no.json`)).toThrow(/^the trust root of --root, .*no\.json, is not there$/);
    expect(() => check(`--campaign ${folder}`)).toThrow(/^the campaign, .*, cannot be read: it is a folder$/);
    expect(() => check(`--root ${log}/root.json`)).toThrow(
      /root\.json, cannot be read: a part of its path is no folder$/,
    );
    expect(() => check(`--replay ${log} --dbc ${log}`)).not.toThrow();
  });

  it("shows a signal of each message that the log holds, the most frequent message first, before a second one", async () => {
    const dbc = file("car.dbc", DBC);
    const log = file("car.log", "(1.0) can0 100#00\n(1.1) can0 200#00\n(1.2) can0 200#00\n(1.3) can0 7FF#00\n");
    expect(await replayedSignals(log, dbc, 10)).toEqual(["Brake.Pressure", "Engine.Rpm", "Engine.Load"]);
    expect(await replayedSignals(log, dbc, 1)).toEqual(["Brake.Pressure"]);
  });

  it("shows the first signals of a DBC file that has the id of no frame", async () => {
    const log = file("other.log", "(1.0) can0 7FF#00\n");
    expect(await replayedSignals(log, file("other.dbc", DBC), 2)).toEqual(["Engine.Rpm", "Brake.Pressure"]);
  });

  it("refuses a log in which no line is a frame", async () => {
    const log = file("text.log", "date Mon Nov 30 2026\nbase hex timestamps absolute\n");
    const refusal = await replayedSignals(log, file("text.dbc", DBC), 10).catch(String);
    expect(refusal).toContain("has no frame as candump -l writes it");
  });

  it("refuses a DBC file with an error, by its line", async () => {
    const log = file("frame.log", "(1.0) can0 100#00\n");
    const dbc = file("bad.dbc", DBC.replace("0|16@1+ (0.25,0)", "0|16@1+ (x,0)"));
    expect(await replayedSignals(log, dbc, 10).catch(String)).toMatch(/bad\.dbc:4:\d+ /);
  });
});

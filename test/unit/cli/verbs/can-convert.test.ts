import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../../../agent/core/errors.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { FRAMES, PYTHON_CAN_BLF, shown } from "../../signals/log-formats/log-vectors.ts";

const LOG = "(1735270496.916858) can0 110#0011\n(1735270497.000000) body 18FEF100#R8\n";

describe("causeway can convert", () => {
  it("makes a log of another format, as the names say", async () => {
    const folder = temporaryFolder();
    const [blf, log, asc] = ["in.blf", "out.log", "out.asc"].map((name) => join(folder, name));
    writeFileSync(blf, PYTHON_CAN_BLF);
    expect(await runCli(["can", "convert", blf, log])).toEqual({
      stdout: "",
      stderr: `7 frames in ${log}\n`,
      exitCode: 0,
    });
    // python-can wrote the second frame as one that it sent, and marks such ones as candump -x does.
    const candump = FRAMES.map((line, index) => (index === 1 ? `${line} T` : line));
    expect(readFileSync(log, "utf8").trimEnd().split("\n")).toEqual(candump);
    await runCli(["can", "convert", log, asc]);
    expect(await shown(readFileSync(asc))).toEqual(
      FRAMES.map((line) => line.replace("20000004#0004", "20000080#0000")),
    );
  });

  it("puts logs one behind the other, and takes one interface alone", async () => {
    const folder = temporaryFolder();
    const [one, two, out] = ["1.log", "2.log", "out.blf"].map((name) => join(folder, name));
    writeFileSync(one, LOG);
    writeFileSync(two, LOG.replace("5270497", "5270597"));
    const run = await runCli(["can", "convert", "--json", "--from", "body", one, two, out]);
    expect(JSON.parse(run.stdout)).toEqual({
      schemaVersion: 1,
      file: out,
      frames: 2,
      malformed: 0,
      untimed: 0,
      moved: 0,
    });
    expect(await shown(readFileSync(out))).toEqual([
      "(1735270497.000000) body 18FEF100#R8",
      "(1735270597.000000) body 18FEF100#R8",
    ]);
  });

  it("takes the frames alone that candump's filters let through", async () => {
    const folder = temporaryFolder();
    const [one, out] = ["1.log", "out.log"].map((name) => join(folder, name));
    writeFileSync(one, `${LOG}(1735270498.000000) can0 111#\n(1735270499.000000) can0 20000040#0000000000000000\n`);
    await runCli(["can", "convert", "--filter", "110:7FF", "--filter", "#40", one, out]);
    expect(readFileSync(out, "utf8")).toBe(
      "(1735270496.916858) can0 110#0011\n(1735270499.000000) can0 20000040#0000000000000000\n",
    );
    await expect(runCli(["can", "convert", "--filter", "110", one, join(folder, "no.log")])).rejects.toThrow(
      "110 is no filter: write <id>:<mask>",
    );
  });

  it("tells what cannot be read, leaves it out, and ends with 65", async () => {
    const folder = temporaryFolder();
    const [bad, out] = ["bad.log", "out.log"].map((name) => join(folder, name));
    writeFileSync(bad, `${LOG}(1.0) can0 110#0\n  can0  110   [1]  00\n`);
    const run = await runCli(["can", "convert", bad, out]);
    expect(run).toMatchObject({ exitCode: EXIT.badInput });
    expect(run.stderr).toBe(
      `${bad}:3:16 error: a byte has two hexadecimal digits, found one\n2 frames in ${out}\n1 frame without a time left out\n`,
    );
    expect(readFileSync(out, "utf8")).toBe(LOG);
  });

  it("leaves no file behind when there is nothing to read, and overwrites none", async () => {
    const folder = temporaryFolder();
    const [none, out] = ["none.log", "out.log"].map((name) => join(folder, name));
    await expect(runCli(["can", "convert", none, out])).rejects.toMatchObject({ code: "input.missing" });
    expect(existsSync(out)).toBe(false);
    writeFileSync(out, LOG);
    await expect(runCli(["can", "convert", out, out])).rejects.toMatchObject({ code: "usage.invalid" });
    await expect(runCli(["can", "convert", out])).rejects.toMatchObject({ code: "usage.invalid" });
    expect(readFileSync(out, "utf8")).toBe(LOG);
  });
});

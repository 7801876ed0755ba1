import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { systemClock } from "../../drivers/os/time-source.ts";
import { temporaryFolder } from "../fakes/core/folder.ts";
import { runCli } from "../fakes/daemon/cli-runner.ts";
import { addVcan, ip } from "./vcan.ts";

const run = promisify(execFile);
const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Engine: 8 Vector__XXX
 SG_ Speed : 0|16@1+ (0.1,0) [0|0] "km/h" Vector__XXX
`;

const report = z.object({
  line: z.array(z.object({ link: z.string(), verdict: z.string(), what: z.string() })),
  conclusion: z.object({ sends: z.boolean(), link: z.string(), what: z.string(), remedy: z.string() }),
});

/** What doctor says of a vehicle whose bus is this interface of the kernel, and whose agent does not run. */
async function doctorOf(name: string) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "run"));
  writeFileSync(join(folder, "car.dbc"), DBC);
  const config = join(folder, "agent.yaml");
  writeFileSync(
    config,
    `thingName: veh-1
bench: true
stateDir: ${folder}/state
runtimeDir: ${folder}/run
buses: [{ name: can0, driver: native, interface: ${name} }]
dbc: [{ file: car.dbc }]
broker: { host: localhost, port: 1, caFile: ca.pem }
identity: { mode: file, certificateFile: cert.pem, keyFile: key.pem }
`,
  );
  const { stdout } = await runCli(["doctor", "--json", "--config", config], { clock: systemClock() });
  return report.parse(JSON.parse(stdout));
}

describe("doctor at interfaces of the kernel", { timeout: 300_000 }, () => {
  it("tells one that is not there, one that is none of CAN, and one that is down", async () => {
    await ip("link", "add", "vcan12", "type", "vcan");
    onTestFinished(() => ip("link", "del", "vcan12"));
    const ends = [];
    for (const name of ["vcan99", "lo", "vcan12"]) ends.push((await doctorOf(name)).conclusion);
    expect(ends.map(({ sends, link }) => [sends, link])).toEqual([1, 2, 3].map(() => [false, "interface"]));
    expect(ends.map(({ what }) => what)).toEqual([
      "bus can0: there is no interface vcan99",
      "bus can0: lo is no CAN interface",
      "bus can0 is down: interface vcan12 is down",
    ]);
    expect(ends[2].remedy).toBe("bring it up as root: causeway bus up vcan12");
  });

  it("hears the frames of one that is up, and names those in no DBC file as candump does", async () => {
    await addVcan("vcan13");
    onTestFinished(() => ip("link", "del", "vcan13"));
    const stop = new AbortController();
    // cangen of can-utils: an id every 5 ms, known and not known by turns.
    const senders = ["100", "7A0"].map((id) =>
      run("cangen", ["vcan13", "-g", "5", "-I", id, "-L", "8"], { signal: stop.signal }).catch(() => undefined),
    );
    onTestFinished(async () => {
      stop.abort();
      await Promise.all(senders);
    });
    const { line, conclusion } = await doctorOf("vcan13");
    expect(conclusion.link).toBe("agent");
    const said = (link: string): string => line.find((step) => step.link === link)?.what ?? "";
    expect(said("interface")).toBe("bus can0: interface vcan13 is up");
    expect(said("frames")).toMatch(/^bus can0: \d+ frames of 2 ids in 1\.\d s$/);
    expect(said("dbc")).toMatch(/ % of its frames are in the DBC files; nobody decodes 7A0 \(\d+\)$/);
  });
});

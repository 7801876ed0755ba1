import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AgentError, FAULTS } from "../../../../agent/core/errors.ts";
import { statusVerb } from "../../../../agent/local-api/status-schema.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { serveLocalSocket } from "../../../../drivers/os/local-socket/local-server.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { CA_PEM } from "../../../fakes/daemon/ca.ts";
import { type CliRun, runCli } from "../../../fakes/daemon/cli-runner.ts";
import { socketBounds } from "../../../fakes/daemon/socket-bounds.ts";
import { statusWith } from "../../../fakes/daemon/status.ts";

const IS_ROOT = process.getuid?.() === 0;

/** A configuration in two files that can be used. */
function files(): { readonly main: string; readonly overlay: string; readonly folder: string } {
  const folder = temporaryFolder();
  const main = join(folder, "agent.yaml");
  const overlay = join(folder, "agent.d/vehicle.yaml");
  mkdirSync(join(folder, "agent.d"));
  mkdirSync(join(folder, "run"));
  writeFileSync(join(folder, "ca.pem"), CA_PEM);
  writeFileSync(
    main,
    `# of the fleet
thingName: truck-0001   # its plate
bench: true
stateDir: ${folder}/state
runtimeDir: ${folder}/run
buses:
  - { name: can0, driver: socketcan, interface: can0 }
broker: { host: localhost, caFile: ca.pem }
identity: { mode: file, certificateFile: cert.pem, keyFile: key.pem }
`,
  );
  writeFileSync(overlay, "collect:\n  batchMs: 500   # fast\n");
  return { main, overlay, folder };
}

const run = (main: string, ...args: readonly string[]): Promise<CliRun> =>
  runCli(["config", ...args, "--config", main]);

/** Code of the fault, with which the program ends, and what is said. */
async function faultOf(ran: Promise<CliRun>): Promise<{ readonly exit: number; readonly what: string }> {
  const thrown: unknown = await ran.catch((error: unknown) => error);
  if (!(thrown instanceof AgentError)) throw new Error("it did not fail");
  return { exit: FAULTS[thrown.code].exit, what: `${thrown.message}\n${thrown.remedy}` };
}

describe("causeway config get", () => {
  it("gives the value in force, from whichever file, and defaults", async () => {
    const { main, folder } = files();
    expect((await run(main, "get", "collect.batchMs")).stdout).toBe("500\n");
    expect((await run(main, "get", "broker.port")).stdout).toBe("8883\n");
    expect((await run(main, "get", "broker.caFile")).stdout).toBe(`${folder}/ca.pem\n`);
    expect((await run(main, "get", "buses")).stdout).toContain("interface: can0");
  });

  it("says where each value comes from", async () => {
    const { main, overlay } = files();
    const { stdout } = await run(main, "get", "collect", "--origin");
    expect(stdout).toMatch(new RegExp(`^collect\\.batchMs +500 +${overlay}:2:3$`, "m"));
    expect(stdout).toMatch(/^collect\.holdBytes +\d+ +default$/m);
    const json: unknown = JSON.parse((await run(main, "get", "collect.batchMs", "--origin", "--json")).stdout);
    expect(json).toEqual({
      schemaVersion: 1,
      path: "collect.batchMs",
      value: 500,
      origin: { kind: "file", file: overlay, line: 2, column: 3 },
    });
  });

  it("names the file that replaced a list as a whole", async () => {
    const { main, overlay } = files();
    writeFileSync(overlay, "buses:\n  - { name: can1, driver: native, interface: can1 }\n");
    const { stdout } = await run(main, "get", "buses[0]", "--origin");
    expect(stdout).toMatch(new RegExp(`^buses\\[0\\]\\.interface +can1 +${overlay}:2:`, "m"));
    expect(stdout).not.toContain(`${main}:`);
  });

  it("shows what a command has set, and that it was one", async () => {
    const { main, folder } = files();
    writeFileSync(join(folder, "policy.yaml"), readFileSync("config/policy.example.yaml", "utf8"));
    writeFileSync(main, `${readFileSync(main, "utf8")}commands: { policyFile: policy.yaml, settable: [log.level] }\n`);
    mkdirSync(join(folder, "state"));
    const settings = JSON.stringify({ schemaVersion: 1, settings: { "log.level": "debug" } });
    writeFileSync(join(folder, "state/settings.json"), settings);
    expect((await run(main, "get", "log.level", "--origin")).stdout).toBe("log.level  debug  command\n");
    const { stderr } = await run(main, "set", "log.level", "warn");
    expect(stderr).toContain("it is written, and not in force: a command says otherwise");
  });

  it("ends with 2 for what has no value, and with 64 for what does not exist", async () => {
    const { main } = files();
    expect((await run(main, "get", "proxy")).exitCode).toBe(2);
    const { exit, what } = await faultOf(run(main, "get", "broker.prot"));
    expect(exit).toBe(64);
    expect(what).toContain("did you mean broker.port?");
  });
});

describe("causeway config set", () => {
  it("writes into the file that says it, and leaves all else as it is", async () => {
    const { main, overlay } = files();
    const { stdout } = await run(main, "set", "collect.batchMs", "2 s");
    expect(readFileSync(overlay, "utf8")).toBe("collect:\n  batchMs: 2000   # fast\n");
    expect(stdout).toBe(`${overlay}: collect.batchMs = 2000 (was 500)\n`);
    expect((await run(main, "get", "collect.batchMs")).stdout).toBe("2000\n");
  });

  it("makes a new file of agent.d, and refuses one that nobody reads", async () => {
    const { main, folder } = files();
    await run(main, "set", "proxy", "{host: proxy.lan, port: 3128}", "--file", "agent.d/site.yaml");
    expect(readFileSync(join(folder, "agent.d/site.yaml"), "utf8")).toBe("proxy:\n  host: proxy.lan\n  port: 3128\n");
    expect((await faultOf(run(main, "set", "log.level", "warn", "--file", "other.yaml"))).exit).toBe(64);
  });

  it("says so where a later file hides what was written", async () => {
    const { main, overlay } = files();
    const { stderr } = await run(main, "set", "collect.batchMs", "100", "--file", main);
    expect(stderr).toContain(`not in force: ${overlay}:2:3 says otherwise`);
  });

  it("shows with --dry-run the lines that would change, and changes nothing", async () => {
    const { main } = files();
    const before = readFileSync(main, "utf8");
    const { stdout } = await run(main, "set", "thingName", "truck-0002", "--dry-run");
    expect(stdout).toContain("- thingName: truck-0001   # its plate\n+ thingName: truck-0002   # its plate\n");
    expect(readFileSync(main, "utf8")).toBe(before);
  });

  it.each([
    ["a value that does not fit", ["broker.port", "abc"], 65, "broker.port"],
    ["a value that does not fit another setting", ["outbox.maxBytes", "5 s"], 65, "no unit"],
    ["a file that is not there", ["broker.caFile", "none.pem"], 65, "none.pem"],
    ["a section that is not whole", ["proxy.host", "p"], 65, "proxy.port"],
    ["a setting that does not exist", ["broker.prot", "1"], 64, "did you mean broker.port?"],
  ])("refuses %s, and writes nothing", async (_, [path, value], exit, what) => {
    const { main, folder } = files();
    const before = [readFileSync(main, "utf8"), readdirSync(folder), readdirSync(join(folder, "agent.d"))];
    const fault = await faultOf(run(main, "set", path, value));
    expect(fault.exit).toBe(exit);
    expect(fault.what).toContain(what);
    expect([readFileSync(main, "utf8"), readdirSync(folder), readdirSync(join(folder, "agent.d"))]).toEqual(before);
  });

  it("ends with 78 where the configuration cannot be used whatever is set, and mends it where that is what is set", async () => {
    const { main } = files();
    writeFileSync(main, readFileSync(main, "utf8").replace("caFile: ca.pem", "caFile: gone.pem"));
    expect((await faultOf(run(main, "set", "log.level", "warn"))).exit).toBe(78);
    await run(main, "set", "broker.caFile", "ca.pem");
    expect((await run(main, "validate")).stdout).toContain("valid");
  });

  it("ends with 2 where nothing changes", async () => {
    const { main } = files();
    expect((await run(main, "set", "collect.batchMs", "500")).exitCode).toBe(2);
  });

  it("keeps the mode, and the link that the file is", async () => {
    const { main, folder } = files();
    writeFileSync(join(folder, "real.yaml"), readFileSync(main));
    chmodSync(join(folder, "real.yaml"), 0o640);
    const linked = join(folder, "linked.yaml");
    symlinkSync("real.yaml", linked);
    await run(linked, "set", "log.level", "warn");
    expect(readFileSync(join(folder, "real.yaml"), "utf8")).toContain("level: warn");
    expect(statSync(join(folder, "real.yaml")).mode & 0o777).toBe(0o640);
    expect(readFileSync(linked, "utf8")).toBe(readFileSync(join(folder, "real.yaml"), "utf8"));
  });

  it.skipIf(!IS_ROOT)("keeps the owner (another one: only root can try it)", async () => {
    const { main, folder } = files();
    chownSync(main, 4711, 4712);
    await run(main, "set", "log.level", "warn");
    await run(main, "set", "log.level", "info", "--file", "agent.d/new.yaml");
    expect([statSync(main).uid, statSync(main).gid]).toEqual([4711, 4712]);
    expect(statSync(join(folder, "agent.d/new.yaml")).uid).toBe(4711);
  });

  it("says that a running agent must be restarted", async () => {
    const { main, folder } = files();
    const handlers = servedOn("view", [statusVerb.answeredBy(() => statusWith())]);
    const place = { path: join(folder, "run/view.sock"), mode: 0o660 };
    const socket = await serveLocalSocket({ place, handlers, log: new MemoryLog(), ...socketBounds() });
    const { stdout, stderr } = await run(main, "set", "log.level", "warn", "--json");
    await socket.stop();
    expect(stderr).toContain("systemctl restart causeway");
    expect(JSON.parse(stdout)).toMatchObject({ path: "log.level", value: "warn", written: true, restartNeeded: true });
  });
});

describe("causeway config unset", () => {
  it("takes a setting out of the file that says it, and tells what counts then", async () => {
    const { main, overlay } = files();
    const { stdout } = await run(main, "unset", "collect.batchMs");
    expect(readFileSync(overlay, "utf8")).toContain("collect: {}");
    expect(stdout).toBe(`collect.batchMs = 500 taken out of ${overlay}; now 1000 (default)\n`);
    expect((await run(main, "unset", "collect.batchMs")).exitCode).toBe(2);
  });

  it("takes it out of the last of two files, or of the one that is named", async () => {
    const { main, overlay } = files();
    await run(main, "set", "collect.batchMs", "700", "--file", main);
    const json: unknown = JSON.parse((await run(main, "unset", "collect.batchMs", "--json")).stdout);
    expect(json).toMatchObject({ path: "collect.batchMs", before: 500, now: 700, file: overlay, written: true });
    const { stderr, exitCode } = await run(main, "unset", "collect.batchMs", "--file", overlay);
    expect([exitCode, stderr]).toEqual([2, `${overlay} does not say collect.batchMs\n`]);
    expect((await run(main, "unset", "collect.batchMs", "--file", main)).stdout).toContain("now 1000 (default)");
  });

  it("shows with --dry-run the lines that would go, and changes nothing", async () => {
    const { main, overlay } = files();
    writeFileSync(overlay, "collect:\n  batchMs: 500   # fast\n  holdBytes: 1000000\n");
    const { stdout } = await run(main, "unset", "collect.batchMs", "--dry-run");
    expect(stdout).toContain("-   batchMs: 500   # fast\n");
    expect(stdout).toContain(`would be taken out of ${overlay}`);
    expect(readFileSync(overlay, "utf8")).toContain("batchMs: 500");
  });

  it("refuses what the rest cannot be used without, and writes nothing", async () => {
    const { main } = files();
    const before = readFileSync(main, "utf8");
    const { exit, what } = await faultOf(run(main, "unset", "thingName"));
    expect(exit).toBe(65);
    expect(what).toContain("the rest cannot be used without it");
    expect((await faultOf(run(main, "unset", "broker.prot"))).exit).toBe(64);
    expect(readFileSync(main, "utf8")).toBe(before);
  });
});

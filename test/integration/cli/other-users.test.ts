import { execFile } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { AgentError } from "../../../agent/core/errors.ts";
import { makePinFile } from "../../../drivers/os/pin.ts";
import { startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../../agent/main.ts", import.meta.url));
const NOBODY = 65_534;
const isRoot = process.geteuid?.() === 0;

const rejection = z.object({ error: z.object({ code: z.string(), remedy: z.string() }) });
const report = z.object({ ok: z.boolean(), checks: z.array(z.object({ check: z.string(), verdict: z.string() })) });

/** A device with a token in its configuration, and with the folder of its identities, which is of mode 0700. */
async function tokenHome(broker?: object): Promise<DaemonHome & { readonly identityFolder: string }> {
  const home = await daemonHome((config) => {
    if (broker !== undefined) config.broker = broker;
    const certificateFile = join("/nowhere", "device.pem");
    config.identity = { mode: "pkcs11", tokenLabel: "vehicle", certificateFile, storeDir: "/nowhere/store" };
  }, 2000);
  const identityFolder = join(home.folder, "state", "identity");
  mkdirSync(identityFolder, { recursive: true, mode: 0o700 });
  chmodSync(home.folder, 0o711);
  chmodSync(join(home.folder, "state"), 0o700);
  chmodSync(home.config, 0o644);
  return { ...home, identityFolder };
}

/** A device whose state is of the user `NOBODY`, as a service that runs as that user keeps it, with the PIN in it and without a token. */
async function serviceHome(): Promise<DaemonHome> {
  const home = await daemonHome((config) => {
    const identityFolder = join(z.string().parse(config.stateDir), "identity");
    const places = { storeDir: join(identityFolder, "store"), pinFile: join(identityFolder, "pin") };
    config.identity = { mode: "pkcs11", tokenLabel: "vehicle", certificateFile: "/nowhere/device.pem", ...places };
  });
  const state = join(home.folder, "state");
  mkdirSync(join(state, "identity"), { recursive: true, mode: 0o700 });
  writeFileSync(join(state, "identity", "pin"), "0123456789abcdef\n", { mode: 0o600 });
  for (const path of [state, join(state, "identity"), join(state, "identity", "pin")]) chownSync(path, NOBODY, NOBODY);
  chmodSync(state, 0o700);
  chmodSync(home.folder, 0o711);
  chmodSync(home.config, 0o644);
  return home;
}

/** What below the folder is not of the service's user. */
function strangersIn(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => statSync(join(folder, name)).uid !== NOBODY);
}

/** Runs the program as this user, and gives its exit code and what it printed. */
async function causewayAs(uid: number, ...args: readonly string[]) {
  const user = ["--reuid", String(uid), "--regid", String(uid), "--clear-groups"];
  const command = [...user, process.execPath, "--disable-warning=ExperimentalWarning", MAIN, ...args];
  return await run("setpriv", command, { cwd: "/" }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).parse(error),
  );
}

describe.skipIf(!isRoot)("a verb that another user than the service's started", { timeout: 60_000 }, () => {
  it.each([["key list"], ["cert show"], ["doctor"]])(
    "says to somebody who may not look who may, as JSON where that is wanted: %s",
    async (verb) => {
      const { config } = await tokenHome();
      const { code, stderr } = await causewayAs(NOBODY, ...verb.split(" "), "--json", "--config", config);
      const { error } = rejection.parse(JSON.parse(stderr));
      expect([code, error.code]).toEqual([77, "identity.not-permitted"]);
      expect(error.remedy).toContain("runuser -u causeway -- causeway");
    },
  );

  it("does not say whether it sends to somebody who may not ask the running agent", async () => {
    const home = await daemonHome();
    chmodSync(home.folder, 0o711);
    chmodSync(home.config, 0o644);
    await startDaemon(home);
    const { code, stdout, stderr } = await causewayAs(NOBODY, "doctor", "--json", "--config", home.config);
    const { error } = rejection.parse(JSON.parse(stderr));
    expect([code, stdout, error.code]).toEqual([77, "", "agent.not-permitted"]);
  });

  it.each(["key list", "csr", "key test"])(
    "is of the service's user when root runs it, and takes nothing from the service: %s",
    async (verb) => {
      const { folder, config } = await serviceHome();
      const { code, stderr } = await causewayAs(0, ...verb.split(" "), "--config", config);
      expect([code, stderr]).toEqual([78, expect.stringContaining("make the token: causeway key create")]);
      expect(strangersIn(join(folder, "state"))).toEqual([]);
    },
  );

  it("reads the PIN and judges the folder as the service's user when root runs doctor", async () => {
    const { folder, config } = await serviceHome();
    const { code, stdout } = await causewayAs(0, "doctor", "--json", "--config", config);
    const { checks } = report.parse(JSON.parse(stdout));
    expect(code).toBe(3);
    expect(checks).toContainEqual(expect.objectContaining({ check: "pin", verdict: "pass" }));
    expect(strangersIn(join(folder, "state"))).toEqual([]);
  });

  it("asks the running agent for the self-test", async () => {
    const home = await tokenHome();
    await startDaemon(home);
    chmodSync(join(home.folder, "run"), 0o755);
    chmodSync(home.socket, 0o666);
    const { code, stdout } = await causewayAs(NOBODY, "doctor", "--json", "--config", home.config);
    const { ok, checks } = report.parse(JSON.parse(stdout));
    expect([code, ok]).toEqual([3, false]);
    expect(checks.map(({ check }) => check)).toEqual(expect.arrayContaining(["pin", "store", "tpm", "certificate"]));
  });
});

describe.skipIf(!isRoot)("connect test by a member of the technicians' groups", { timeout: 180_000 }, () => {
  const answer = z.object({
    ok: z.literal(false),
    steps: z.array(z.object({ step: z.string(), ok: z.boolean() })),
    agent: z.object({ link: z.object({ state: z.string() }), checks: z.array(z.object({ check: z.string() })) }),
  });

  it("says where the key is out of reach what the running agent says, and who may look where there is none", async () => {
    const folder = temporaryFolder();
    const authority = createAuthority(folder);
    const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: ["veh-1"] });
    onTestFinished(() => mosquitto.stop());
    const caFile = join(folder, "trusted.pem");
    copyFileSync(mosquitto.caFile, caFile);
    for (const path of [folder, caFile]) chmodSync(path, 0o755);
    const home = await tokenHome({ host: mosquitto.host, port: mosquitto.port, caFile });
    const test = ["connect", "test", "--json", "--config", home.config];
    const alone = await causewayAs(NOBODY, ...test);
    expect([alone.code, alone.stdout]).toEqual([77, expect.stringContaining("runuser -u causeway -- causeway")]);
    await startDaemon(home);
    chmodSync(join(home.folder, "run"), 0o755);
    chmodSync(home.socket, 0o666);
    const { code, stdout } = await causewayAs(NOBODY, ...test);
    const { steps, agent } = answer.parse(JSON.parse(stdout));
    expect([code, steps.at(-1)]).toEqual([3, expect.objectContaining({ step: "key", ok: false })]);
    expect(agent.link.state).not.toBe("online");
    expect(agent.checks.map(({ check }) => check)).toEqual(expect.arrayContaining(["pin", "key", "certificate"]));
    chmodSync(home.config, 0o600);
    const closed = await causewayAs(NOBODY, ...test);
    expect([closed.code, closed.stderr]).toEqual([77, expect.stringContaining("runuser -u causeway -- causeway")]);
  });
});

describe("makePinFile", () => {
  it("makes the folder where it is missing", () => {
    const path = join(temporaryFolder(), "new", "folder", "pin");
    expect([makePinFile(path), makePinFile(path)]).toEqual(["made", "present"]);
  });

  it("says what to do where it cannot be made", () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const make = (): unknown => makePinFile(join(file, "pin"));
    expect(make).toThrow(AgentError);
    expect(make).toThrow("cannot be written");
  });
});

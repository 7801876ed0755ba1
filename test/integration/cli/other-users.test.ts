import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { AgentError } from "../../../agent/core/errors.ts";
import { makePinFile } from "../../../drivers/os/pin.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../../agent/main.ts", import.meta.url));
const NOBODY = 65_534;
const isRoot = process.geteuid?.() === 0;

const rejection = z.object({ error: z.object({ code: z.string(), remedy: z.string() }) });
const report = z.object({ ok: z.boolean(), checks: z.array(z.object({ check: z.string(), verdict: z.string() })) });

/** A device with a token in its configuration, and with the folder of its identities, which is of mode 0700. */
async function tokenHome(): Promise<DaemonHome & { readonly identityFolder: string }> {
  const home = await daemonHome((config) => {
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

  it("does not let root take the identity from the service", async () => {
    const { config, identityFolder } = await tokenHome();
    chownSync(identityFolder, NOBODY, NOBODY);
    const { code, stderr } = await causewayAs(0, "key", "list", "--json", "--config", config);
    const { error } = rejection.parse(JSON.parse(stderr));
    expect([code, error.code]).toEqual([77, "identity.not-permitted"]);
    expect(error.remedy).not.toContain("chown");
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

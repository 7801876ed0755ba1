import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { GUEST_THING, type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";
import { until } from "../../bench/core/wait.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";

const POLICY = "/etc/causeway/policy.yaml";
/** As the agent has it: without the hyphens. */
const BOOT_ID = "tr --delete - < /proc/sys/kernel/random/boot_id";
const CONNECT = `python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/causeway/reboot.sock")'`;

describe("a reboot that the cloud commands", () => {
  const key = signingKey("operations");
  let guest: Guest;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-guest-reboot-"));
    const policyFile = join(folder, "policy.yaml");
    const allow = [{ action: "system.reboot", ratePerMinute: 1 }];
    writeFileSync(policyFile, stringify({ schemaVersion: 1, keys: [key.pinned], allow }));
    guest = await startGuest({ config: { commands: { policyFile: POLICY } } });
    await guest.machine.copyIn(policyFile, POLICY, "0640", "root:causeway");
    await guest.cloud.commands.start();
    await guest.sh("systemctl start causeway");
    await guest.statusWhen("online", ({ link }) => link.state === "online");
  });
  afterAll(async () => {
    await guest?.stop();
    rmSync(folder, { recursive: true });
  });

  it("can be asked for by the agent's user alone", async () => {
    expect(await guest.sh("stat --format='%A %U:%G' /run/causeway/reboot.sock")).toBe("srw------- causeway:causeway\n");
    const { code, stderr } = await guest.run(`setpriv --reuid=nobody --regid=causeway --clear-groups ${CONNECT}`);
    expect(code).toBe(1);
    expect(stderr).toContain("PermissionError");
  });

  it("restarts the system from within the sandbox, and is answered once, after it", async () => {
    const before = (await guest.sh(BOOT_ID)).trim();
    const nowMs = Date.now();
    const fields = {
      id: "reboot-1",
      thing: GUEST_THING,
      action: "system.reboot",
      arguments: {},
      notBeforeMs: nowMs - 60_000,
      expiresAtMs: nowMs + 600_000,
      counter: 1,
    };
    const template = JSON.stringify({ schemaVersion: 1, ...fields, signature: key.sign(fields) });
    const execution = await guest.cloud.commands.startExecution({
      command: { format: "json", template },
      thing: GUEST_THING,
      executionTimeoutSeconds: 1200,
    });
    await guest.machine.restart();
    await until(() => (execution.status === "SUCCEEDED" ? true : undefined), {
      what: `it is answered: ${JSON.stringify(execution)}`,
      timeoutMs: guest.patience(180_000),
    });
    const after = (await guest.sh(BOOT_ID)).trim();
    expect(after).not.toBe(before);
    expect(execution.result).toEqual({ bootId: { s: after } });
    expect(execution.history.filter((status) => !/CREATED|IN_PROGRESS/.test(status))).toEqual(["SUCCEEDED"]);
    expect(await guest.sh("causeway commands show reboot-1")).toContain("SUCCEEDED");
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { subscribe } from "../../../scripts/guest-machine/subscriber.ts";
import { GUEST_THING, type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";
import type { Child } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";

const POLICY = "/etc/causeway/policy.yaml";
/** As the agent has it: without the hyphens. */
const BOOT_ID = "tr --delete - < /proc/sys/kernel/random/boot_id";
const SOCKETS = ["reboot", "suspend", "sleep-lock", "wake-alarm"] as const;
const HOUR_S = 3600;
const ALARM = "cat /sys/class/rtc/rtc0/wakealarm";
const RTC_NOW = "cat /sys/class/rtc/rtc0/since_epoch";
/** WHO UID USER PID COMM WHAT WHY MODE. */
const LOCKS = "systemd-inhibit --list --no-legend --no-pager | grep ^causeway | tr -s ' '";
/** An emulated machine that others keep busy takes twice as long for all of it as a gateway does. */
const PATIENT =
  "mkdir --parents /etc/systemd/logind.conf.d && printf '[Login]\\nInhibitDelayMaxSec=10\\n' > /etc/systemd/logind.conf.d/patient.conf";
const SUSPEND = "systemd-run --quiet --on-active=1s --timer-property=AccuracySec=100ms systemctl suspend";

/** Says a line to a socket of the package as a user, and gives what comes back. */
const ask = (user: string, socket: string, line: string): string =>
  `setpriv --reuid=${user} --regid=causeway --clear-groups python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/run/causeway/${socket}.sock")
s.send(b"${line}\\n")
s.shutdown(socket.SHUT_WR)
print(s.recv(200).decode(), end="")'`;

/** Run at each suspend, last of all before it: notes the agent's alarm, and has the machine wake at another time. */
const wakeAfter = (seconds: number): string => `cat > /run/guest-before-sleep <<'TEXT'
#!/bin/sh
cd /sys/class/rtc/rtc0
echo $(cat wakealarm) $(cat since_epoch) > /run/alarm-of-agent
echo 0 > wakealarm
echo +${seconds} > wakealarm
TEXT
chmod +x /run/guest-before-sleep`;

const presence = z.object({ state: z.string(), reason: z.string().optional() });
type Told = z.infer<typeof presence> & { readonly atMs: number };

describe("a machine that sleeps, wakes, and is restarted by a command", () => {
  const key = signingKey("operations");
  let guest: Guest;
  let folder: string;
  let listeners: Child[];
  /** What was said of its presence, and when records came, performance.now(). */
  const told: Told[] = [];
  const records: number[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-guest-power-"));
    const policyFile = join(folder, "policy.yaml");
    const allow = [{ action: "system.reboot", ratePerMinute: 1 }];
    writeFileSync(policyFile, stringify({ schemaVersion: 1, keys: [key.pinned], allow }));
    const power = { sleep: { minAwakeSeconds: 5 }, wake: { checkIns: { everyHours: 1 } } };
    guest = await startGuest({ config: { commands: { policyFile: POLICY }, power }, rate: 0.05 });
    await guest.machine.copyIn(policyFile, POLICY, "0640", "root:causeway");
    await guest.cloud.commands.start();
    listeners = [
      await subscribe(guest, `dt/causeway/${GUEST_THING}/presence`, "%p", (line) => {
        told.push({ ...presence.parse(JSON.parse(line)), atMs: performance.now() });
      }),
      await subscribe(guest, `dt/causeway/${GUEST_THING}/telemetry`, "%l", () => records.push(performance.now())),
    ];
    await guest.sh(PATIENT);
    await guest.sh("systemctl unmask --quiet systemd-logind && systemctl start systemd-logind causeway guest-traffic");
    await guest.statusWhen("online", ({ link }) => link.state === "online");
    await hasLock();
  });
  afterAll(async () => {
    for (const listener of listeners ?? []) await listener.stop();
    await guest?.stop();
    rmSync(folder, { recursive: true });
  });

  it("lets the agent's user alone use its sockets, and takes nothing but seconds for an alarm", async () => {
    for (const socket of SOCKETS) {
      const shown = await guest.sh(`stat --format='%A %U:%G' /run/causeway/${socket}.sock`);
      expect(shown).toBe("srw------- causeway:causeway\n");
      const { code, stderr } = await guest.run(ask("nobody", socket, "60"));
      expect(code).toBe(1);
      expect(stderr).toContain("PermissionError");
    }
    // A second one takes the place of the first, which the kernel alone would refuse as busy.
    expect(await guest.sh(ask("causeway", "wake-alarm", "7200"))).toBe("set\n");
    expect(await guest.sh(ask("causeway", "wake-alarm", "3600"))).toBe("set\n");
    const aheadS = Number(await guest.sh(ALARM)) - Number(await guest.sh(RTC_NOW));
    expect(aheadS).toBeGreaterThan(HOUR_S - 60);
    expect(aheadS).toBeLessThanOrEqual(HOUR_S);
    expect(await guest.sh(ask("causeway", "wake-alarm", "$(reboot)"))).toMatch(/^refused/);
    expect(await guest.sh(ask("causeway", "wake-alarm", "0"))).toBe("set\n");
    expect(await guest.sh(ALARM)).toBe("");
    for (const unit of ["causeway-wake-alarm@x", "causeway-sleep-lock@x", "causeway-suspend"]) {
      const text = await guest.sh(`systemd-analyze security ${unit} | tail -n 1`);
      expect(Number(/: ([\d.]+)/.exec(text)?.[1])).toBeLessThanOrEqual(2);
    }
  });

  it("sleeps when the agent is ready, with its alarm set, and is back soon after the alarm", async () => {
    expect(await guest.sh(LOCKS)).toMatch(/^causeway \d+ \w+ \d+ \S+ (shutdown:sleep|sleep:shutdown) .* delay\n$/);
    await guest.sh(wakeAfter(8));
    await guest.sh(SUSPEND);
    await guest.machine.untilAsleep();
    const asleepMs = performance.now();
    const farewell = told.at(-1);
    expect(farewell).toMatchObject({ state: "asleep", reason: "suspend" });
    console.log(`suspended ${((asleepMs - (farewell?.atMs ?? 0)) / 1000).toFixed(1)} s after it said so`);
    const wokeMs = await guest.machine.untilAwake();
    expect(wokeMs - asleepMs).toBeGreaterThan(2000);
    await tellWake("the alarm", wokeMs);
    const [alarmS, nowS] = (await guest.sh("cat /run/alarm-of-agent")).trim().split(" ").map(Number);
    expect(alarmS - nowS).toBeGreaterThan(HOUR_S - 120);
    expect(alarmS - nowS).toBeLessThanOrEqual(HOUR_S + 120);
    expect(await causes(1)).toEqual(["rtc"]);
    await hasLock();
  });

  it("sleeps though nothing can be delivered, before logind's patience ends, and knows the button that wakes it", async () => {
    await guest.sh(wakeAfter(HOUR_S));
    guest.link.blackhole();
    await guest.sh(SUSPEND);
    await guest.machine.untilAsleep();
    await guest.link.restore();
    await guest.machine.wakeUp();
    await tellWake("its button", await guest.machine.untilAwake());
    expect(await causes(2)).toEqual(["rtc", "button"]);
    const impatient = await guest.run("journalctl --unit systemd-logind --no-pager | grep 'timeout is reached'");
    expect(impatient).toMatchObject({ code: 1, stdout: "" });
    await hasLock();
  });

  it("is restarted from within the sandbox by a command, and answers it once, after that", async () => {
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

  async function hasLock(): Promise<void> {
    await until(async () => ((await guest.run(LOCKS)).stdout === "" ? undefined : true), {
      what: "the lock is held",
      timeoutMs: guest.patience(60_000),
      everyMs: 500,
    });
  }

  /** Who woke it, of all wakes so far, once there are so many: each is told of a second after it. */
  async function causes(wakes: number): Promise<readonly string[]> {
    const counted = async (): Promise<readonly string[] | undefined> => {
      const text = await guest.sh("journalctl --unit causeway --output=cat --no-pager | grep sleep.wake-counted || :");
      const found = [...text.matchAll(/"cause":"(\w+)"/g)].map(([, cause = ""]) => cause);
      return found.length < wakes ? undefined : found;
    };
    return await until(counted, { what: "the wake is counted", timeoutMs: guest.patience(30_000), everyMs: 500 });
  }

  /** The machine runs since `wokeMs`: waits until it is back, and says how long that took. An emulated one takes many times longer. */
  async function tellWake(what: string, wokeMs: number): Promise<void> {
    const patience = { timeoutMs: guest.patience(30_000) };
    const isOnline = ({ state, atMs }: Told): boolean => state === "online" && atMs > wokeMs;
    const online = await until(() => told.find(isOnline)?.atMs, { what: "it says that it is online", ...patience });
    // What was under way to the broker when it fell asleep may come before.
    const record = await until(() => records.find((atMs) => atMs > online), { what: "a record", ...patience });
    const after = (atMs: number): string => `${((atMs - wokeMs) / 1000).toFixed(2)} s`;
    const { slowness } = guest.machine;
    console.log(
      `woken by ${what}: online ${after(online)}, first record ${after(record)} after its processor ran; the machine is ${slowness.toFixed(1)} times slower than on quiet cores`,
    );
  }
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../bench/wait.ts";
import { expectWhole, settle, unitOf } from "./account.ts";
import { type Guest, startGuest } from "./guest.ts";

const RATE = 0.1;
const DRIVE_SECONDS = 30;

describe("the package on Debian 12 with systemd", () => {
  let guest: Guest;

  beforeAll(async () => {
    guest = await startGuest({ rate: RATE, driveSeconds: DRIVE_SECONDS });
  });
  afterAll(() => guest?.stop());

  it("boots in less than a minute, with vcan, CAN FD, a TPM and a disk of its own", async () => {
    await guest.run("systemctl is-system-running --wait");
    const analysis = await guest.sh("systemd-analyze");
    const minutes = /= (?:(\d+)min )?([\d.]+)s/.exec(analysis);
    console.log(analysis.split("\n")[0]);
    expect(Number(minutes?.[1] ?? 0) * 60 + Number(minutes?.[2])).toBeLessThan(60);
    expect(await guest.sh("cat /sys/class/net/vcan0/mtu /sys/class/net/vcan1/mtu")).toBe("72\n72\n");
    await guest.sh(
      "test -c /dev/tpm0 -a -c /dev/tpmrm0 && mountpoint -q /var/lib/causeway && modprobe can-isotp can-gw sch_netem",
    );
    expect((await guest.sh("systemctl --failed --no-legend --plain")).trim()).toBe("");
  });

  it("keeps the exposure that systemd-analyze sees at 2.0 or less", async () => {
    const text = await guest.sh("systemd-analyze security causeway | tail -n 1");
    const exposure = /level for causeway\.service: ([\d.]+)/.exec(text)?.[1];
    console.log(`exposure ${exposure}`);
    expect(Number(exposure)).toBeLessThanOrEqual(2);
  });

  it("starts with the PIN as an encrypted credential, and gets its key from /dev/tpmrm0", async () => {
    await guest.sh("systemctl start causeway");
    const { link, buses, clockQuality } = await guest.statusWhen("online", (status) => status.link.state === "online");
    expect(link.key).toBe("pkcs11:token=causeway;object=device");
    expect(buses.map(({ state, timestamps }) => ({ state, timestamps }))).toEqual([
      { state: "up", timestamps: "kernel" },
      { state: "up", timestamps: "kernel" },
    ]);
    expect(clockQuality).toBe("rtc");
    const { User, MainPID } = await unitOf(guest);
    expect(User).toBe("causeway");
    expect(await guest.sh("stat --format=%n /run/credentials/causeway.service/*")).toMatch(/\/causeway-pin\n$/);
    // Nothing but the resource manager of the kernel: no file key, no TPM without it.
    expect(await guest.sh(`ls -l /proc/${MainPID}/fd | grep -o '/dev/tpm.*' | sort -u`)).toBe("/dev/tpmrm0\n");
  });

  it("delivers every record of the vehicle on vcan0, with the right values", async () => {
    await guest.sh("timeout 120 canplayer -I /mnt/host/drive.log vcan0=can0");
    const gaps = await settle(guest);
    expectWhole(guest, gaps);
    const status = await guest.status();
    const bus = status?.buses.find(({ name }) => name === "can0");
    expect({ received: bus?.received, dropped: bus?.dropped }).toEqual({ received: guest.driveFrames, dropped: 0 });
    expect(guest.consumers.framesProven).toBe(guest.driveFrames);
    console.log(
      `${guest.driveFrames} frames, ${guest.consumers.ledger.records} records, ${guest.consumers.ledger.samples} samples`,
    );
  });

  it("shows in systemctl status what it is doing", async () => {
    const { StatusText } = await unitOf(guest);
    console.log(StatusText);
    expect(StatusText).toMatch(/^online; can0 up, \d+ frames; can1 up, 0 frames; outbox 0 records, 0 bytes$/);
  });

  it("shows its state to a member of its group and to no stranger", async () => {
    await guest.sh("useradd --groups causeway viewer && useradd stranger");
    const asking = (user: string): string =>
      `setpriv --reuid=${user} --regid=${user} --init-groups causeway status --json`;
    const viewer = await guest.run(asking("viewer"));
    expect(viewer.stderr).toBe("");
    expect(viewer.code).toBe(0);
    expect(viewer.stdout).toContain('"thing":"guest-truck"');
    const stranger = await guest.run(asking("stranger"));
    expect(stranger.code).not.toBe(0);
    expect(stranger.stdout).toBe("");
    console.log(`a stranger gets ${stranger.code}: ${stranger.stderr.trim()}`);
  });

  it("is restarted by the watchdog when it hangs", async () => {
    const before = await unitOf(guest);
    await guest.sh(`kill -STOP ${before.MainPID}`);
    const restarted = async (): Promise<boolean | undefined> =>
      (await unitOf(guest)).NRestarts === "1" ? true : undefined;
    await until(restarted, { what: "a restart by the watchdog", timeoutMs: 120_000, everyMs: 1000 });
    await guest.statusWhen("online again", (status) => status.link.state === "online");
    expect(await guest.sh("journalctl --unit causeway --output cat")).toMatch(/Watchdog timeout/);
    const after = await unitOf(guest);
    expect(after.MainPID).not.toBe(before.MainPID);
  });

  it("stays down after a mistake in its configuration, and says where it is", async () => {
    await guest.sh(
      "echo 'thingNme: x' > /etc/causeway/agent.d/mistake.yaml; chgrp causeway /etc/causeway/agent.d/mistake.yaml",
    );
    const { code } = await guest.run("systemctl restart causeway");
    expect(code).not.toBe(0);
    // Longer than RestartSec and a start together.
    await guest.run("sleep 10");
    const { ActiveState, Result, ExecMainStatus, NRestarts } = await unitOf(guest);
    expect({ ActiveState, Result, ExecMainStatus, NRestarts }).toEqual({
      ActiveState: "failed",
      Result: "exit-code",
      ExecMainStatus: "78",
      NRestarts: "0",
    });
    expect(await guest.sh("journalctl --unit causeway --output cat | tail -n 20")).toContain("mistake.yaml:1:1");
    await guest.sh("rm /etc/causeway/agent.d/mistake.yaml && systemctl start causeway");
    await guest.statusWhen("online after the correction", (status) => status.link.state === "online");
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logEventId } from "../../../agent/core/log-event-id.ts";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { contradictionsOf, settle, unitOf } from "../../../scripts/guest-machine/account.ts";
import { subscribe } from "../../../scripts/guest-machine/subscriber.ts";
import { type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";
import { until } from "../../bench/core/wait.ts";

const RATE = 0.1;
const DRIVE_SECONDS = 30;
const TRANSMITTED = "cat /sys/class/net/vcan1/statistics/tx_packets";

/** The second of two numbers on lines of their own, less the first. */
function differenceOf(text: string): number {
  const [first, second] = text.trim().split("\n").map(Number);
  return second - first;
}

describe("the package on Debian 12 with systemd", () => {
  let guest: Guest;

  beforeAll(async () => {
    guest = await startGuest({ rate: RATE, driveSeconds: DRIVE_SECONDS });
  });
  afterAll(() => guest?.stop());

  it("boots within a minute of processor time, with vcan, CAN FD, a TPM and a disk of its own", async () => {
    await guest.run("systemctl is-system-running --wait");
    const seconds = guest.machine.processorSeconds();
    console.log(`${(await guest.sh("systemd-analyze")).split("\n")[0]}, ${seconds.toFixed(0)} s of processor time`);
    expect(seconds).toBeLessThan(60);
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

  it("sees in its sandbox what reports of the network are made of", async () => {
    const { MainPID } = await unitOf(guest);
    const inside = `nsenter --target ${MainPID} --mount setpriv --reuid=causeway --regid=causeway --clear-groups`;
    const files = "/proc/self/net/dev /proc/self/net/tcp /proc/self/net/udp6 /sys/class/net/vcan0/type";
    const text = await guest.sh(`${inside} cat ${files}`);
    for (const line of [/^ *lo: *\d/m, /^ *e\w+: *\d/m, /^ *\d+: [0-9A-F]{8}:[0-9A-F]{4} .* 01 /m, /^280$/m]) {
      expect(text).toMatch(line);
    }
  });

  it("delivers every record of the vehicle on vcan0, with the right values", async () => {
    await guest.sh("timeout 900 canplayer -I /mnt/host/drive.log vcan0=can0");
    const gaps = await settle(guest);
    expect(contradictionsOf(guest, gaps)).toEqual([]);
    const status = await guest.status();
    const bus = status?.buses.find(({ name }) => name === "can0");
    expect({ received: bus?.received, dropped: bus?.dropped }).toEqual({ received: guest.driveFrames, dropped: 0 });
    expect(guest.consumers.framesProven).toBe(guest.driveFrames);
    console.log(
      `${guest.driveFrames} frames, ${guest.consumers.account.records} records, ${guest.consumers.account.samples} samples`,
    );
  });

  it("shows in systemctl status what it is doing", async () => {
    const line = /^online; can0 up, \d+ frames\/s; can1 up, 0 frames\/s; outbox 0 records, 0 bytes$/;
    // Told each ten seconds: what was stored then may have been delivered since.
    const text = async (): Promise<string | undefined> => {
      const { StatusText = "" } = await unitOf(guest);
      return line.test(StatusText) ? StatusText : undefined;
    };
    console.log(
      await until(text, { what: `a STATUS line like ${line}`, timeoutMs: guest.patience(30_000), everyMs: 500 }),
    );
  });

  it("counts what a flood costs exactly, while the agent stands still", async () => {
    const { MainPID } = await unitOf(guest);
    const before = await busOf("can1");
    // WheelSpeeds, which the filters let through: more than the largest receive buffer holds (16 MiB, 768 bytes each), and one that brings the count of the lost.
    const script = `kill -STOP ${MainPID}; cangen vcan1 -g 0 -n 60000 -L 8 -I 0B0; kill -CONT ${MainPID}; cansend vcan1 0B0#00`;
    const sent = Number(await guest.sh(`${TRANSMITTED}; ${script}; ${TRANSMITTED}`).then(differenceOf));
    const after = await busWhen("can1", ({ received, dropped = 0 }) => {
      return received + dropped - before.received - (before.dropped ?? 0) >= sent;
    });
    const received = after.received - before.received;
    const dropped = (after.dropped ?? 0) - (before.dropped ?? 0);
    console.log(`${sent} frames sent, ${received} received, ${dropped} counted as dropped`);
    expect(received + dropped).toBe(sent);
    expect(dropped).toBeGreaterThan(0);
  });

  it("publishes bus-off and its end, and receives again within two seconds of guest time", async () => {
    const states: string[] = [];
    const reader = createRecordReader(readDescriptor());
    const subscriber = await subscribe(guest, "dt/causeway/+/event", "%x", (line) => {
      const { body } = reader.decode(Buffer.from(line, "hex"));
      if (body.kind === "bus-event" && body.count.bus === "can1") states.push(body.state);
    });
    // Error class CAN_ERR_BUSOFF in an error frame (linux/can/error.h).
    await guest.sh("cansend vcan1 20000040#0000000000000000");
    await busWhen("can1", ({ state }) => state === "bus-off");
    await guest.sh("cansend vcan1 0B0#01");
    await busWhen("can1", ({ state }) => state === "up");
    await guest.sh("ip link set vcan1 down");
    await busWhen("can1", ({ state }) => state === "down");
    const before = await busOf("can1");
    await guest.sh("ip link set vcan1 up && sleep 2 && cansend vcan1 0B0#02");
    await busWhen("can1", ({ state, received }) => state === "up" && received > before.received);
    await until(() => (states.length >= 4 ? true : undefined), {
      what: "four bus events",
      timeoutMs: guest.patience(30_000),
    });
    await subscriber.stop();
    expect(states).toEqual(["bus-off", "up", "down", "up"]);
  });

  it("shows its state to members of causeway, is changed by members of causeway-admin, and does neither for others", async () => {
    await guest.sh("useradd --groups causeway viewer; useradd --groups causeway-admin administrator; useradd stranger");
    const as = async (user: string, verb: string) =>
      await guest.run(`setpriv --reuid=${user} --regid=${user} --init-groups causeway ${verb} --json`);
    const both = async (user: string) => ({
      look: await as(user, "status"),
      change: await as(user, "buffer drop capture --yes"),
    });
    const [viewer, administrator, stranger] = [
      await both("viewer"),
      await both("administrator"),
      await both("stranger"),
    ];
    // 0 or 3: shown, and what the flood before cost is told; 2: there was nothing to drop; 77: permission.
    const codes = [viewer, administrator, stranger].map(({ look, change }) => [look.code === 77, change.code]);
    expect(codes).toEqual([
      [false, 77],
      [false, 2],
      [true, 77],
    ]);
    expect(viewer.look.stdout).toContain('"thing":"guest-truck"');
    expect(viewer.change.stdout).toBe("");
    expect(viewer.change.stderr).toContain("/run/causeway/admin.sock: permission denied");
    expect(administrator.look.stdout).toContain('"thing":"guest-truck"');
    const sockets = await guest.sh("stat --format='%n %A %U %G' /run/causeway/*.sock");
    expect(sockets.trim().split("\n")).toEqual([
      "/run/causeway/admin.sock srw-rw---- root causeway-admin",
      "/run/causeway/reboot.sock srw------- causeway causeway",
      "/run/causeway/sleep-lock.sock srw------- causeway causeway",
      "/run/causeway/suspend.sock srw------- causeway causeway",
      "/run/causeway/view.sock srw-rw---- root causeway",
      "/run/causeway/wake-alarm.sock srw------- causeway causeway",
    ]);
  });

  it("takes records on sockets that systemd opens, each from its group, and tells metrics by the drop-in of the package", async () => {
    const file = "/etc/causeway/agent.d/fleet.yaml";
    await guest.sh(`cat > ${file} <<'YAML' && chgrp causeway ${file}
programs: { clients: [{ name: door-watch, ownSocket: true }], unnamed: {} }
metrics: { scrape: { socketFile: /run/causeway-metrics/metrics.sock } }
YAML
useradd --groups causeway-publish publisher
groupadd --system causeway-publish-door-watch && useradd --groups causeway-publish-door-watch doorwatch
mkdir -p /etc/systemd/system/causeway.service.d
cp /usr/share/doc/causeway/examples/metrics.conf /etc/systemd/system/causeway.service.d/
systemctl daemon-reload
systemctl --quiet enable causeway-publish.socket causeway-publish@door-watch.socket && systemctl restart causeway`);
    await guest.statusWhen("programs are served", ({ programs }) => programs !== undefined);
    const as = async (user: string, command: string) =>
      await guest.run(`setpriv --reuid=${user} --regid=${user} --init-groups ${command}`);
    const [own, example] = ["/run/causeway/publish-door-watch.sock", "/usr/share/doc/causeway/examples/publish.py"];
    const member = await as("publisher", "causeway publish a=1");
    expect(member.code).toBe(0);
    expect(member.stdout).toMatch(/^stored telemetry \d+ of epoch \d+\n$/);
    const stranger = await as("stranger", "causeway publish a=1");
    expect(stranger).toMatchObject({ code: 77, stdout: "" });
    expect(stranger.stderr).toContain("/run/causeway/publish.sock: permission denied");
    expect((await as("doorwatch", `python3 ${example} cabin 21.5 ${own}`)).code).toBe(0);
    expect((await as("publisher", `python3 ${example} cabin 21.5 ${own}`)).stderr).toContain("Permission denied");
    // On the socket that all share, nobody is door-watch.
    expect((await as("publisher", `python3 ${example} cabin 21.5`)).stderr).toContain("program.not-allowed");
    const { programs } = await guest.statusWhen("records are counted", (status) => status.programs !== undefined);
    expect(programs).not.toHaveProperty("problem");
    expect(programs?.programs).toMatchObject([
      { name: "door-watch", records: 1 },
      { name: "", records: 1 },
    ]);
    // Of root: systemd has made them, and the agent has them by their names.
    expect(await guest.sh("stat --format='%A %U %G' /run/causeway/publish.sock /run/causeway/publish-*.sock")).toBe(
      "srw-rw---- root causeway-publish\nsrw-rw---- root causeway-publish-door-watch\n",
    );
    const scrape = await as(
      "viewer",
      `python3 -c '
import socket
agent = socket.socket(socket.AF_UNIX)
agent.connect("/run/causeway-metrics/metrics.sock")
agent.sendall(b"GET /metrics HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n")
print(agent.makefile().read())'`,
    );
    expect(scrape.stdout).toContain('causeway_program_records_total{program="door-watch"} 1');
  });

  it("tells what it logged by the journal, to who may read that, and by its socket to others", async () => {
    await guest.sh("useradd --groups systemd-journal reader");
    const as = async (user: string, verb: string) =>
      await guest.run(`setpriv --reuid=${user} --regid=${user} --init-groups causeway ${verb}`);
    const logged = await as("reader", "logs --lines 1000");
    expect(logged.code).toBe(0);
    expect(logged.stdout).toMatch(/ info {2}agent\.started version=.* thing=guest-truck /);
    expect(logged.stdout).toMatch(/Started .*Causeway in-vehicle edge agent/);
    const [viewer, recent] = [await as("viewer", "logs"), await as("viewer", "logs --recent --event agent.started")];
    expect(viewer).toMatchObject({ code: 77, stdout: "" });
    expect(viewer.stderr).toContain("the journal: permission denied");
    expect(recent.code).toBe(0);
    expect(recent.stdout).toMatch(/^\S+ \S+Z info {2}agent\.started version=.* thing=guest-truck .*\n$/);
    const fields = "journalctl --unit causeway --output=json --lines=1 CAUSEWAY_EVENT=agent.started";
    expect(JSON.parse(await guest.sh(fields))).toMatchObject({
      MESSAGE_ID: logEventId("agent.started"),
      SYSLOG_IDENTIFIER: "causeway",
      CAUSEWAY_THING: "guest-truck",
      _TRANSPORT: "journal",
      _SYSTEMD_UNIT: "causeway.service",
    });
    expect(await guest.sh(`journalctl --list-catalog ${logEventId("bus.failed")}`)).toContain("Causeway: The bus");
  });

  it("keeps the compiled code of its program below its state, from within the sandbox", async () => {
    const files = async (): Promise<number | undefined> =>
      Number(await guest.sh("find /var/lib/causeway/cache/compiled/packaged -type f 2>/dev/null | wc -l")) || undefined;
    const patience = { timeoutMs: guest.patience(60_000), everyMs: 1000 };
    expect(await until(files, { what: "compiled code is kept", ...patience })).toBeGreaterThan(2);
  });

  it("is restarted by the watchdog when it hangs", async () => {
    const before = await unitOf(guest);
    await guest.sh(`kill -STOP ${before.MainPID}`);
    const restarted = async (): Promise<boolean | undefined> =>
      (await unitOf(guest)).NRestarts === "1" ? true : undefined;
    await until(restarted, { what: "a restart by the watchdog", timeoutMs: guest.patience(120_000), everyMs: 1000 });
    await guest.statusWhen("online again", (status) => status.link.state === "online");
    expect(await guest.sh("journalctl --unit causeway --output cat")).toMatch(/Watchdog timeout/);
    const after = await unitOf(guest);
    expect(after.MainPID).not.toBe(before.MainPID);
  });

  it("goes on with what it last started well with after a mistake in its configuration, and says where it is", async () => {
    await makeMistake();
    await guest.sh("systemctl restart causeway");
    const { configuration } = await guest.statusWhen("online again", (status) => status.link.state === "online");
    expect(configuration.source).toBe("last-good");
    expect(configuration.problems.map(({ what }) => what).join("\n")).toContain("mistake.yaml:1:1");
    expect(await guest.sh("journalctl --unit causeway --output cat | tail -n 40")).toContain("mistake.yaml:1:1");
    expect((await guest.run("causeway status")).code).toBe(3);
  });

  it("stays down after a mistake where it has never started well", async () => {
    await guest.sh("systemctl stop causeway && rm -r /var/lib/causeway/last-good");
    await makeMistake();
    const { code } = await guest.run("systemctl start causeway");
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
    // Asking an agent that is down does not start it.
    expect((await guest.run("causeway status")).code).not.toBe(0);
    expect((await guest.run("ls /run/causeway/view.sock")).code).not.toBe(0);
    expect((await unitOf(guest)).ActiveState).toBe("failed");
    await guest.sh("rm /etc/causeway/agent.d/mistake.yaml && systemctl start causeway");
    await guest.statusWhen("online after the correction", (status) => status.link.state === "online");
  });

  async function makeMistake(): Promise<void> {
    const file = "/etc/causeway/agent.d/mistake.yaml";
    await guest.sh(`echo 'thingNme: x' > ${file}; chgrp causeway ${file}`);
  }

  type Bus = Status["buses"][number];

  async function busOf(name: string): Promise<Bus> {
    return await busWhen(name, () => true);
  }

  async function busWhen(name: string, condition: (bus: Bus) => boolean): Promise<Bus> {
    const find = ({ buses }: Status): Bus | undefined => buses.find((bus) => bus.name === name && condition(bus));
    const status = await guest.statusWhen(`bus ${name}`, (now) => find(now) !== undefined);
    return find(status) ?? (await Promise.reject(new Error(`no bus ${name}`)));
  }
});

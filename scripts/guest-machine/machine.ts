import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "../../test/bench/core/child.ts";
import { until } from "../../test/bench/core/wait.ts";
import { type CommandChannel, connectChannel, type GuestOutcome } from "./command-channel.ts";
import { askMonitor } from "./qemu-monitor.ts";

/** How long the emulated machine may take from its start to the first command, also when this one is busy. */
const BOOT_TIMEOUT_MS = 900_000;
/** How long it takes on two quiet cores. */
const QUIET_BOOT_MS = 20_000;
/** This machine may become busier than it was at the boot. */
const RESERVE = 2;
const COMMAND_TIMEOUT_MS = 300_000;

/** Where the broker is, seen from inside; nothing else can be reached. */
export const GUEST_BROKER = { host: "broker.bench", port: 8883 } as const;
/** Socket of QEMU's monitor. */
const MONITOR = "monitor.sock";
const BROKER_ADDRESS = "10.0.2.100";

/** `folder` must have a short path (Unix sockets), and holds root.img, data.img and the TPM's state in tpm/. */
export type MachineParts = {
  readonly folder: string;
  readonly kernel: string;
  readonly initramfs: string;
  /** Port on this machine's loopback where connections to `GUEST_BROKER` go; without it there is no network. */
  readonly brokerPort?: number;
};

/** How it is switched on. `clock` is the time its clock shows then ("1970-01-01T00:00:00"); the true time when absent. */
export type BootOptions = { readonly clock?: string };

/** An emulated computer with two disks whose writes are lost with the power unless they were flushed, and a TPM 2.0. */
export class Machine {
  readonly #parts: MachineParts;
  #children: Child[] = [];
  #channel: CommandChannel | undefined;
  #jobs = 0;
  #bootMs = QUIET_BOOT_MS;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    mkdirSync(join(this.share, "jobs"), { recursive: true });
  }

  /** A folder of this machine that the guest sees as /mnt/host. */
  get share(): string {
    return join(this.#parts.folder, "share");
  }

  /** Console and journal of all boots so far: what a person wants to see when a test has failed. */
  get journalFile(): string {
    return join(this.share, "journal.log");
  }

  /** How long to wait, here and now, for what takes `ms` at most on a quiet machine: in proportion to how long the last boot took. */
  patience(ms: number): number {
    return ms * RESERVE * this.slowness;
  }

  /** How many times longer than on quiet cores the last boot took; 1 at least. */
  get slowness(): number {
    return Math.max(1, this.#bootMs / QUIET_BOOT_MS);
  }

  /** Processor time that the running machine has taken, seconds: the same however busy this one is. */
  processorSeconds(): number {
    const qemu = this.#children.at(-1);
    return qemu === undefined ? 0 : processorSecondsOf(qemu.pid);
  }

  /** Switches on, and resolves when commands can be run. Throws with the end of the console when it does not come up, twice. */
  async boot(options: BootOptions = {}): Promise<void> {
    // An emulated machine stands still now and then, which says nothing about what it runs.
    await this.#bootOnce(options).catch(() => this.#bootOnce(options));
  }

  async #bootOnce(options: BootOptions): Promise<void> {
    if (this.#children.length > 0) throw new Error("the guest is running");
    const { folder } = this.#parts;
    const beganMs = performance.now();
    for (const name of ["command", "tpm", "root", "data"]) rmSync(join(folder, `${name}.sock`), { force: true });
    try {
      for (const name of ["root", "data"]) await this.#start("nbdkit", diskArguments(folder, name));
      await this.#start("swtpm", tpmArguments(folder));
      await this.#listening(["root", "data", "tpm"]);
      const qemu = await this.#start("qemu-system-x86_64", qemuArguments(this.#parts, options));
      this.#channel = await connectChannel(join(folder, "command.sock"), qemu, BOOT_TIMEOUT_MS);
      this.#bootMs = performance.now() - beganMs;
    } catch (error) {
      await this.powerCut();
      throw new Error(`the guest did not boot:\n${this.consoleTail()}`, { cause: error });
    }
  }

  /** Runs a shell script as root and gives how it ended. Throws when it takes too long (`patience` is added) or the power goes first. */
  async run(script: string, timeoutMs = COMMAND_TIMEOUT_MS): Promise<GuestOutcome> {
    return await this.#ask(script, timeoutMs);
  }

  /** What the agent says of itself, as JSON in stdout; the code is 1 while nobody serves its view.sock. */
  async view(): Promise<GuestOutcome> {
    return await this.#ask(undefined, COMMAND_TIMEOUT_MS);
  }

  async #ask(script: string | undefined, timeoutMs: number): Promise<GuestOutcome> {
    if (this.#channel === undefined) throw new Error("the guest is not running");
    this.#jobs += 1;
    return await this.#channel.run({
      folder: join(this.share, "jobs"),
      id: `${this.#jobs}`,
      script,
      timeoutMs: this.patience(timeoutMs),
    });
  }

  /** Puts a file into the guest. `mode` is octal digits, `owner` as chown takes it. */
  async copyIn(file: string, target: string, mode = "0644", owner = "root:root"): Promise<void> {
    const name = `copy-${(this.#jobs += 1)}`;
    copyFileSync(file, join(this.share, name));
    const [user, group] = owner.split(":");
    const script = `install -D -m ${mode} -o ${user} -g ${group} '/mnt/host/${name}' '${target}'`;
    const { code, stderr } = await this.run(script);
    rmSync(join(this.share, name));
    if (code !== 0) throw new Error(`cannot write ${target} in the guest: ${stderr}`);
  }

  /** Waits until it is suspended to RAM. Run no command from before it begins until `untilAwake` has resolved. */
  async untilAsleep(timeoutMs = 60_000): Promise<void> {
    rmSync(this.#awakeFile, { force: true });
    const asleep = async (): Promise<true | undefined> =>
      /"status": "suspended"/.test(await this.#monitor("query-status")) ? true : undefined;
    await until(asleep, { what: "the guest is suspended", timeoutMs: this.patience(timeoutMs) });
  }

  /** Wakes it, as a key of a keyboard does; the firmware says that it was the power button. */
  async wakeUp(): Promise<void> {
    await this.#monitor("system_wakeup");
  }

  /** Waits until its processor runs, and then until it takes commands. Gives when the former was, performance.now(). */
  async untilAwake(timeoutMs = 60_000): Promise<number> {
    const running = async (): Promise<true | undefined> =>
      /"status": "running"/.test(await this.#monitor("query-status")) ? true : undefined;
    const patience = { timeoutMs: this.patience(timeoutMs) };
    await until(running, { what: "the guest runs", ...patience });
    const wokeAtMs = performance.now();
    await until(() => (existsSync(this.#awakeFile) ? true : undefined), {
      what: "the guest takes commands",
      ...patience,
    });
    return wokeAtMs;
  }

  get #awakeFile(): string {
    return join(this.share, "awake");
  }

  /** Asks QEMU (QMP) one thing and gives its answer as it came. */
  #monitor(command: string): Promise<string> {
    return askMonitor(join(this.#parts.folder, MONITOR), command, this.patience(10_000));
  }

  /** Takes the power away: the machine, its disks' unflushed writes and the TPM's volatile state are gone at once. */
  async powerCut(): Promise<void> {
    const children = this.#children.reverse();
    this.#children = [];
    for (const child of children) child.signal("SIGKILL");
    this.#channel?.close();
    this.#channel = undefined;
    await Promise.all(children.map((child) => child.ended));
  }

  /** Shuts down in order; whatever is left after a while is ended. */
  async powerOff(timeoutMs = 60_000): Promise<void> {
    if (this.#children.length === 0) return;
    // The answer goes down with the machine.
    this.run("systemctl poweroff --no-block", timeoutMs).catch(() => undefined);
    await this.untilOff(timeoutMs).catch(() => undefined);
    await this.#stopRest();
  }

  /** Waits until the machine has shut itself down for a restart, and switches it on again. Throws when it does not within the time. */
  async restart(timeoutMs = 120_000): Promise<void> {
    await this.untilOff(timeoutMs);
    await this.#stopRest();
    await this.boot();
  }

  /** Waits until it has shut itself down, for a restart too: QEMU ends with it (-no-reboot). */
  async untilOff(timeoutMs = 120_000): Promise<void> {
    const qemu = this.#children.at(-1);
    await until(() => (qemu?.hasEnded() !== false ? true : undefined), {
      what: "the guest is off",
      timeoutMs: this.patience(timeoutMs),
    });
  }

  async #stopRest(): Promise<void> {
    // The disks' servers write what they hold when they are asked to end.
    for (const child of this.#children.reverse()) await child.stop(10_000);
    this.#children = [];
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** The last lines that QEMU and the console have written. */
  consoleTail(): string {
    const files = ["qemu-system-x86_64.log", "console.log"].map((name) => join(this.#parts.folder, name));
    return files.map((file) => (existsSync(file) ? readFileSync(file, "utf8").slice(-3000) : "")).join("");
  }

  /** QEMU does not wait for what it connects to. */
  async #listening(names: readonly string[]): Promise<void> {
    const { folder } = this.#parts;
    const sockets = (): boolean => names.every((name) => existsSync(join(folder, `${name}.sock`)));
    await until(() => (sockets() ? true : undefined), {
      what: "disks and TPM are served",
      timeoutMs: this.patience(30_000),
    });
  }

  async #start(command: string, args: readonly string[]): Promise<Child> {
    const child = await startChild({ command, args, logFile: join(this.#parts.folder, `${command}.log`) });
    this.#children.push(child);
    return child;
  }
}

/** utime and stime (proc(5)), in ticks of 10 ms. */
function processorSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The cache filter holds every write until a flush, which is what a disk without power keeps of them: nothing. */
function diskArguments(folder: string, name: string): readonly string[] {
  const socket = join(folder, `${name}.sock`);
  const file = join(folder, `${name}.img`);
  return ["--foreground", "--unix", socket, "--filter=cache", "file", file, "cache=writeback"];
}

function tpmArguments(folder: string): readonly string[] {
  mkdirSync(join(folder, "tpm"), { recursive: true, mode: 0o700 });
  const state = `dir=${join(folder, "tpm")},mode=0600`;
  return ["socket", "--tpm2", "--tpmstate", state, "--ctrl", `type=unixio,path=${join(folder, "tpm.sock")}`];
}

function qemuArguments(parts: MachineParts, { clock }: BootOptions): readonly string[] {
  const { folder, kernel, initramfs } = parts;
  const disk = (name: string): string =>
    `if=virtio,format=raw,file=nbd+unix:///?socket=${join(folder, `${name}.sock`)}`;
  return [
    words(EMULATION),
    words("-m 1024 -display none -monitor none -no-reboot -nodefaults"),
    ["-serial", `file:${join(folder, "console.log")}`],
    ["-kernel", kernel, "-initrd", initramfs, "-append", kernelArguments()],
    ["-drive", disk("root"), "-drive", disk("data"), "-device", "virtio-rng-pci"],
    ["-virtfs", `local,path=${join(folder, "share")},mount_tag=host,security_model=none`],
    ["-chardev", `socket,id=tpm,path=${join(folder, "tpm.sock")}`, "-tpmdev", "emulator,id=tpm0,chardev=tpm"],
    ["-device", "tpm-tis,tpmdev=tpm0", "-device", "virtio-serial-pci"],
    ["-chardev", `socket,id=command,path=${join(folder, "command.sock")},server=on,wait=off`],
    ["-device", "virtserialport,chardev=command,name=causeway.command"],
    ["-rtc", `base=${clock ?? "utc"}`, "-global", "PIIX4_PM.disable_s3=0"],
    ["-qmp", `unix:${join(folder, MONITOR)},server=on,wait=off`],
    networkArguments(parts),
  ].flat();
}

function words(text: string): readonly string[] {
  return text.split(" ");
}

/**
 * One processor: an agent is not up later with two (measured: 9.9 s, 10.4 s with two, where the second waits for the first), and two
 * guests fit on two cores. The default for translated code (128 MB) does not hold all of Node and its compiled code; with enough, the
 * next start is 2 s shorter.
 */
const EMULATION = "-accel tcg,thread=single,tb-size=1024 -cpu max,pku=off -smp 1";

/** scripts/guest has measured the clock. */
function kernelArguments(): string {
  const console = "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off";
  return `${console} tsc=reliable clocksource=tsc ${process.env.GUEST_CLOCK ?? ""} systemd.show_status=0`;
}

/** A network of its own (restrict=on) with one way out: connections to the broker's address go to a port of this machine's loopback. */
function networkArguments({ brokerPort, folder }: MachineParts): readonly string[] {
  if (brokerPort === undefined) return ["-nic", "none"];
  // slirp splits its options at commas and the command at spaces.
  const relay = join(folder, "relay");
  writeFileSync(relay, `#!/bin/sh\nexec busybox nc 127.0.0.1 ${brokerPort} 2> /dev/null\n`, { mode: 0o700 });
  const forward = `guestfwd=tcp:${BROKER_ADDRESS}:${GUEST_BROKER.port}-cmd:${relay}`;
  return ["-netdev", `user,id=net0,restrict=on,${forward}`, "-device", "virtio-net-pci,netdev=net0,romfile="];
}

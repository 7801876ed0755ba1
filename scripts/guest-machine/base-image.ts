import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import { isInstalled, runCommand } from "../packaging/command.ts";
import { cached, digestOf, GUEST_CACHE, ROOT } from "../testing/cached.ts";

const HERE = import.meta.dirname;
const KERNEL = join(GUEST_CACHE, "kernel");
const DISK_BYTES = 2_000_000_000;
const SPACE_BYTES = 3_000_000_000;

const PACKAGES = words(`systemd systemd-sysv dbus udev kmod iproute2 can-utils python3 debconf libgcc-s1 libstdc++6
  tpm-udev tpm2-tools libtpm2-pkcs11-1 libtss2-tcti-device0`);
const INITIAL_MODULES = words("virtio_pci virtio_blk ext4 crc32c_generic");
const MODULES = words(`virtio_net virtio_rng virtio_console 9pnet_virtio 9p autofs4 loop
  can-raw vcan can-isotp can-j1939 can-gw can-bcm sch_netem tpm_tis tpm_crb`).concat(INITIAL_MODULES);
/** Units that would only take time from a guest that lives for minutes. */
const MASKED =
  words(`apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
  fstrim.timer getty@tty1.service serial-getty@ttyS0.service systemd-networkd-wait-online.service
  systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-logind.service systemd-update-utmp.service
  modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service modprobe@efi_pstore.service
  modprobe@fuse.service modprobe@loop.service dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount
  sys-kernel-tracing.mount systemd-random-seed.service systemd-network-generator.service systemd-journal-flush.service
  systemd-update-utmp-runlevel.service systemd-pstore.service`);
const ENABLED = words("guest-command.service guest-journal.service guest-integrity.service systemd-networkd.service");

/** A kernel, what it boots first, and a disk with Debian 12 and systemd on it. */
export type BaseImage = { readonly kernel: string; readonly initramfs: string; readonly disk: string };

/** What this machine lacks to make or to run the systemd guest; undefined when nothing. */
export function cannotRunGuest(): string | undefined {
  const tools = {
    "qemu-system-x86_64": "qemu-system-x86",
    nbdkit: "nbdkit",
    swtpm: "swtpm",
    mmdebstrap: "mmdebstrap",
    mke2fs: "e2fsprogs",
    busybox: "busybox-static",
    cpio: "cpio",
    depmod: "kmod",
    mosquitto: "mosquitto",
  };
  const missing = Object.entries(tools).filter(([tool]) => !isInstalled(tool) && !existsSync(join("/usr/sbin", tool)));
  if (missing.length > 0) return `missing ${missing.map(([, name]) => name).join(", ")}; run scripts/setup test`;
  if (process.getuid?.() !== 0) return "making the image needs root, for the owners of its files";
  return [ROOT, tmpdir()].map(lackOfSpace).find((reason) => reason !== undefined);
}

function lackOfSpace(folder: string): string | undefined {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= SPACE_BYTES) return undefined;
  return `${folder} has ${Math.floor((bavail * bsize) / 1e6)} MB free; images need ${SPACE_BYTES / 1e6} MB`;
}

/** Gives the image, made anew when its recipe or the kernel changed. Throws when the Debian packages cannot be had. */
export async function baseImage(say: (what: string) => void): Promise<BaseImage> {
  const version = kernelVersion();
  const lists = [PACKAGES, INITIAL_MODULES, MODULES, MASKED, ENABLED].map((list) => list.join(" "));
  const recipe = digestOf([version, ...lists], [join(HERE, "root"), join(HERE, "initramfs-init")]);
  const folder = await cached("base", recipe, async (fresh) => {
    say("making a Debian 12 image with systemd (about a minute)");
    makeInitramfs(fresh, version);
    makeDisk(fresh, version);
  });
  return {
    // Not the unpacked one: with a TPM's log the firmware's tables reach down to where QEMU puts the initramfs of an ELF kernel.
    kernel: join(KERNEL, `boot/vmlinuz-${version}`),
    initramfs: join(folder, "initramfs.gz"),
    disk: join(folder, "root.img"),
  };
}

function kernelVersion(): string {
  const [version] = existsSync(join(KERNEL, "lib/modules")) ? readdirSync(join(KERNEL, "lib/modules")) : [];
  if (version !== undefined) return version;
  throw new AgentError("input.missing", { what: "there is no guest kernel yet", remedy: "run scripts/guest system" });
}

function makeDisk(folder: string, version: string): void {
  const root = join(folder, "root");
  const release = readFileSync("/etc/os-release", "utf8");
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(release)?.[1] ?? "bookworm";
  installDebian(codename, root);
  copyModules(version, MODULES, root);
  cpSync(join(HERE, "root"), root, { recursive: true });
  mkdirSync(join(root, "mnt/host"), { recursive: true });
  mkdirSync(join(root, "var/lib/causeway"), { recursive: true });
  // systemd finds its own name for the machine known, and takes this boot for one of many.
  writeFileSync(join(root, "etc/machine-id"), "c0ffee00c0ffee00c0ffee00c0ffee00\n");
  rmSync(join(root, "var/lib/apt/lists"), { recursive: true, force: true });
  runCommand("systemctl", ["--quiet", `--root=${root}`, "mask", ...MASKED]);
  runCommand("systemctl", ["--quiet", `--root=${root}`, "enable", ...ENABLED]);
  makeFileSystem(join(folder, "root.img"), DISK_BYTES, root);
  rmSync(root, { recursive: true });
}

function installDebian(codename: string, root: string): void {
  try {
    runCommand("mmdebstrap", ["--quiet", "--variant=minbase", `--include=${PACKAGES.join(",")}`, codename, root]);
  } catch (cause) {
    const reason = /^(?:E|error|W): .+$/im.exec(messageOf(cause))?.[0] ?? "mmdebstrap failed";
    throw new AgentError("input.missing", {
      what: `Debian's packages for the guest cannot be had: ${reason}`,
      remedy: "apt-get update must work on this machine",
      cause,
    });
  }
}

/** An ext4 file system in a sparse file, with what is in `content` when given. */
export function makeFileSystem(file: string, bytes: number, content?: string): void {
  writeFileSync(file, "", { mode: 0o600 });
  truncateSync(file, bytes);
  const filled = content === undefined ? [] : ["-d", content];
  runCommand("/usr/sbin/mke2fs", ["-q", "-t", "ext4", "-m", "0", ...filled, file]);
}

function makeInitramfs(folder: string, version: string): void {
  const tree = join(folder, "initramfs");
  for (const name of ["bin", "dev", "proc", "root"]) mkdirSync(join(tree, name), { recursive: true });
  cpSync(runCommand("sh", ["-c", "command -v busybox"]).trim(), join(tree, "bin/busybox"), { dereference: true });
  cpSync(join(HERE, "initramfs-init"), join(tree, "init"));
  copyModules(version, INITIAL_MODULES, tree);
  const pack = 'cd "$0" && find . | cpio --quiet -o -H newc | gzip -1 > "$1"';
  runCommand("sh", ["-c", pack, tree, join(folder, "initramfs.gz")]);
  rmSync(tree, { recursive: true });
}

/** The named modules, and those that they need. */
function copyModules(version: string, names: readonly string[], root: string): void {
  const needed = names.flatMap((name) => {
    const lines = runCommand("modprobe", ["-d", KERNEL, "-S", version, "--show-depends", name]).split("\n");
    return lines.map((line) => /^insmod (\S+)/.exec(line)?.[1]).filter((file) => file !== undefined);
  });
  for (const file of new Set(needed)) {
    const target = join(root, file.slice(KERNEL.length));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(file, target);
  }
  const lists = ["modules.order", "modules.builtin", "modules.builtin.modinfo"];
  for (const name of lists)
    cpSync(join(KERNEL, "lib/modules", version, name), join(root, "lib/modules", version, name));
  runCommand("depmod", ["-b", root, version]);
}

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}

import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../../agent/core/errors.ts";
import { runCommand } from "../packaging/command.ts";
import { builtPackage } from "../testing/built-package.ts";
import { cached, digestOf } from "../testing/cached.ts";
import { type BaseImage, baseImage, makeFileSystem } from "./base-image.ts";
import { Machine } from "./machine.ts";
import { makePlace } from "./place.ts";

const PROVISION_TIMEOUT_MS = 400_000;
const DATA_BYTES = 64_000_000;

/** A machine with the package installed, and a token with its key in the TPM; not configured. */
export type ProvisionedImage = BaseImage & {
  /** swtpm's state, which belongs to this disk. */
  readonly tpmState: string;
  readonly publicKeyPem: string;
  /** The Debian package that is installed on it. */
  readonly packageFile: string;
};

/** Gives the image, and makes whatever is missing or out of date: Debian, the package, and what is installed from it. */
export async function provisionedImage(say: (what: string) => void): Promise<ProvisionedImage> {
  const base = await baseImage(say);
  const packageFile = await builtPackage("amd64", say);
  const recipe = digestOf([base.disk, packageFile], [join(import.meta.dirname, "provision.sh")]);
  const folder = await cached("provisioned", recipe, async (fresh) => {
    say("installing the package in the guest and making its key in the TPM (about a minute)");
    await provision(base, packageFile, fresh);
  });
  const publicKeyPem = readFileSync(join(folder, "device.pub.pem"), "utf8");
  return { ...base, disk: join(folder, "root.img"), tpmState: join(folder, "tpm"), publicKeyPem, packageFile };
}

async function provision(base: BaseImage, packageFile: string, folder: string): Promise<void> {
  const place = makePlace();
  const machine = new Machine({ folder: place, kernel: base.kernel, initramfs: base.initramfs });
  try {
    copySparse(base.disk, join(place, "root.img"));
    makeFileSystem(join(place, "data.img"), DATA_BYTES);
    mkdirSync(machine.share, { recursive: true });
    copyFileSync(packageFile, join(machine.share, "causeway.deb"));
    await machine.boot();
    const script = readFileSync(join(import.meta.dirname, "provision.sh"), "utf8");
    const { code, stdout, stderr } = await machine.run(script, PROVISION_TIMEOUT_MS);
    if (code !== 0) {
      throw new AgentError("internal.bug", {
        what: `the package could not be installed in the guest (${code})\n${stdout}${stderr}`,
        remedy: "see what it wrote above",
      });
    }
    await machine.powerOff();
    for (const name of ["root.img", "tpm"]) runCommand("cp", ["-r", "--sparse=always", join(place, name), folder]);
    copyFileSync(join(machine.share, "device.pub.pem"), join(folder, "device.pub.pem"));
  } finally {
    await machine.powerCut();
    rmSync(place, { recursive: true, force: true });
  }
}

/** Copies a disk image without writing its holes. */
export function copySparse(from: string, to: string): void {
  runCommand("cp", ["--sparse=always", from, to]);
}

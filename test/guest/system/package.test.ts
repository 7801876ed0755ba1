import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contradictionsOf, settle } from "../../../scripts/guest-machine/account.ts";
import { makePlace } from "../../../scripts/guest-machine/place.ts";
import { type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";
import { runCommand } from "../../../scripts/packaging/command.ts";

const NEXT_VERSION = "99.0.0";
/** dpkg reads and writes a hundred megabytes there. */
const DPKG_TIMEOUT_MS = 600_000;
/** Everything an upgrade must leave as it is, with its digests. */
const KEPT = "find /etc/causeway /var/lib/causeway/identity -type f -exec sha256sum {} + | sort -k 2";

/** The same package with a higher version. */
function nextPackage(packageFile: string, folder: string): string {
  const tree = join(folder, "tree");
  const file = join(folder, "next.deb");
  runCommand("dpkg-deb", ["--raw-extract", packageFile, tree]);
  const control = join(tree, "DEBIAN/control");
  writeFileSync(control, readFileSync(control, "utf8").replace(/^Version: .*$/m, `Version: ${NEXT_VERSION}`));
  runCommand("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", tree, file]);
  return file;
}

describe("the life of the package on a gateway", () => {
  let guest: Guest;

  beforeAll(async () => {
    guest = await startGuest({ rate: 0.1 });
    const folder = makePlace();
    await guest.machine.copyIn(guest.packageFile, "/opt/this.deb");
    await guest.machine.copyIn(nextPackage(guest.packageFile, folder), "/opt/next.deb");
    rmSync(folder, { recursive: true });
    await guest.sh("systemctl start causeway guest-traffic");
    await guest.statusWhen("online and storing", ({ link, collected }) => {
      return link.state === "online" && collected.samples > 0;
    });
  });
  afterAll(() => guest?.stop());

  async function dpkg(args: string): Promise<string> {
    return await guest.sh(`DEBIAN_FRONTEND=noninteractive dpkg ${args} 2>&1`, DPKG_TIMEOUT_MS);
  }

  it("upgrades under traffic with a backlog on the disk, keeps configuration and state, and loses no record", async () => {
    await guest.link.cut();
    await guest.sh("echo '# a technician was here' >> /etc/causeway/agent.yaml");
    const before = await guest.statusWhen("a backlog", ({ outbox }) => outbox.records >= 12);
    const kept = await guest.sh(KEPT);
    await dpkg("--install /opt/next.deb");
    expect(await guest.sh("dpkg-query --show --showformat='${Version}' causeway")).toBe(NEXT_VERSION);
    expect(await guest.sh(KEPT)).toBe(kept);
    const after = await guest.statusWhen("the new version runs", ({ pid }) => pid !== before.pid);
    expect(after.outbox.epoch).toBe(before.outbox.epoch);
    expect(after.outbox.records).toBeGreaterThanOrEqual(before.outbox.records);
    await guest.link.restore();
    expect(contradictionsOf(guest, await settle(guest))).toEqual([]);
  });

  it("is removed without its state, and goes on with it when it is installed again", async () => {
    const kept = await guest.sh(KEPT);
    const before = await guest.statusWhen("a status", () => true);
    await dpkg("--remove causeway");
    const gone = await guest.run("pgrep -u causeway; ls /usr/bin/causeway /run/causeway/*.sock");
    expect(gone.stdout).toBe("");
    expect(await guest.sh(KEPT)).toBe(kept);
    await guest.sh("test -s /var/lib/causeway/outbox.db");
    await dpkg("--install /opt/this.deb");
    await guest.sh("systemctl start causeway guest-traffic");
    const after = await guest.statusWhen("online again", ({ link }) => link.state === "online");
    expect(after.outbox.epoch).toBe(before.outbox.epoch);
    expect(contradictionsOf(guest, await settle(guest))).toEqual([]);
  });

  it("keeps its keys when it is purged with nobody to ask", async () => {
    const identity = "find /var/lib/causeway/identity -type f -exec sha256sum {} + | sort -k 2";
    const kept = await guest.sh(identity);
    await dpkg("--purge causeway");
    expect(await guest.sh(identity)).toBe(kept);
    expect(await guest.sh("ls /var/lib/causeway | grep -v lost+found; ls /etc/causeway")).toBe(
      "identity\ncauseway-pin.cred\n",
    );
  });
});

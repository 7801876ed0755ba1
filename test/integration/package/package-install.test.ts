import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../../../scripts/packaging/command.ts";
import { TARGETS } from "../../../scripts/packaging/target.ts";
import { builtPackage } from "../../../scripts/testing/built-package.ts";
import { diskRoot } from "../../fakes/core/folder.ts";
import { CA_PEM } from "../../fakes/daemon/ca.ts";
import { answerInside, cannotMakeRoot, makeDebianRoot, runInside } from "./debian-root.ts";

const SETUP_MS = 900_000;
const STEP_MS = 120_000;
const architecture = TARGETS.find(({ nodeArch }) => nodeArch === process.arch)?.architecture ?? "";
const missing = cannotMakeRoot();

// One life of one installation, so the order of the tests is the order of its steps.
describe.skipIf(missing !== undefined)(
  `an installation${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    const folder = missing === undefined ? mkdtempSync(join(diskRoot(), "causeway-install-test-")) : "";
    const system = join(folder, "system");
    const state = join(system, "var/lib/causeway");
    const config = join(system, "etc/causeway");

    const inside = (line: string): string => {
      const { code, output } = runInside(system, line);
      if (code !== 0) throw new Error(`${line} ended with ${code}\n${output}`);
      return output.trim();
    };
    const install = (name: "first.deb" | "next.deb"): string => inside(`dpkg -i /${name}`);

    beforeAll(async () => {
      const first = await builtPackage(architecture);
      const depends = runCommand("dpkg-deb", ["-f", first, "Depends"]);
      const names = depends.split(",").map((part) => part.trim().split(/[ |]/)[0] ?? "");
      makeDebianRoot(system, names);
      copyFileSync(first, join(system, "first.deb"));
      repack(first, join(system, "next.deb"));
    }, SETUP_MS);
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    /** The next revision: another version number and another program, all else the same. */
    function repack(from: string, to: string): void {
      const tree = join(folder, "next");
      runCommand("dpkg-deb", ["-R", from, tree]);
      const control = join(tree, "DEBIAN/control");
      writeFileSync(control, readFileSync(control, "utf8").replace(/^(Version: .*)-1$/m, "$1-2"));
      writeFileSync(join(tree, "usr/lib/causeway/revision"), "2\n");
      runCommand("dpkg-deb", ["--root-owner-group", "-Znone", "-b", tree, to]);
      rmSync(tree, { recursive: true });
    }

    it(
      "makes the user and its folders, works, and leaves the service disabled",
      () => {
        install("first.deb");
        expect(inside("id -nG causeway")).toBe("causeway tss");
        expect(inside("getent group causeway-admin")).toContain("causeway-admin");
        const folders =
          "/etc/causeway /etc/causeway/campaigns /etc/causeway/dbc /var/lib/causeway /var/lib/causeway/identity";
        expect(inside(`stat -c '%a %U:%G' ${folders}`).split("\n")).toEqual([
          "750 root:causeway",
          "750 root:causeway",
          "750 root:causeway",
          "700 causeway:causeway",
          "700 causeway:causeway",
        ]);
        expect(inside("systemctl is-enabled causeway.service || true")).toBe("disabled");
        expect(inside("NODE_OPTIONS=--bad causeway version")).toMatch(/^causeway \d/);
      },
      STEP_MS,
    );

    it("ends with 78 and names what is missing before it is configured", () => {
      const { code, output } = runInside(system, "causeway run");
      expect(code).toBe(78);
      expect(output).toContain("thingName");
    });

    it("takes the whole example as a configuration of its own", () => {
      inside("cp /usr/share/doc/causeway/examples/agent.yaml /etc/causeway/agent.d/vehicle.yaml");
      inside("cp /usr/share/doc/causeway/examples/vehicle.dbc /etc/causeway/dbc/");
      writeFileSync(join(config, "ca.pem"), CA_PEM);
      expect(inside("causeway config validate")).toContain("valid");
    });

    it(
      "keeps configuration, state and the choice to enable it when it is upgraded, and asks nothing",
      () => {
        inside("systemctl enable causeway.service");
        inside("echo '# by the integrator' >> /etc/causeway/agent.yaml");
        for (const name of ["outbox.db", "journal.db", "identity/device.pem"]) writeFileSync(join(state, name), name);
        writeFileSync(join(config, "causeway-pin.cred"), "secret");
        install("next.deb");
        expect(existsSync(join(system, "usr/lib/causeway/revision"))).toBe(true);
        expect(inside("systemctl is-enabled causeway.service")).toBe("enabled");
        expect(readFileSync(join(config, "agent.yaml"), "utf8")).toContain("# by the integrator");
        expect(existsSync(join(config, "agent.d/vehicle.yaml"))).toBe(true);
        expect(readFileSync(join(state, "outbox.db"), "utf8")).toBe("outbox.db");
        expect(inside("causeway config validate")).toContain("valid");
      },
      STEP_MS,
    );

    it("keeps configuration and state when it is removed", () => {
      inside("dpkg -r causeway");
      expect(existsSync(join(system, "usr/lib/causeway"))).toBe(false);
      expect(existsSync(join(system, "usr/bin/causeway"))).toBe(false);
      for (const name of ["outbox.db", "journal.db", "identity/device.pem"]) {
        expect(readFileSync(join(state, name), "utf8")).toBe(name);
      }
      expect(existsSync(join(config, "agent.d/vehicle.yaml"))).toBe(true);
    });

    it("keeps the identity and the ledger when it is purged with nobody to ask", () => {
      inside("dpkg -P causeway");
      expect(inside("find /var/lib/causeway /etc/causeway -type f | sort").split("\n")).toEqual([
        "/etc/causeway/causeway-pin.cred",
        "/var/lib/causeway/identity/device.pem",
        "/var/lib/causeway/journal.db",
      ]);
      expect(inside("find /etc/systemd/system -name 'causeway*'")).toBe("");
    });

    it.each([
      { answer: "no", kept: true },
      { answer: "yes", kept: false },
    ])(
      "comes back with the kept identity, asks when it is purged, and obeys $answer",
      ({ answer, kept }) => {
        install("first.deb");
        expect(inside("stat -c %U /var/lib/causeway/identity")).toBe("causeway");
        const { code, output } = answerInside(system, "dpkg -P causeway", answer);
        expect(output).toContain("Delete the identity of this device?");
        expect(code).toBe(0);
        expect(existsSync(join(state, "identity/device.pem"))).toBe(kept);
        expect(existsSync(join(config, "causeway-pin.cred"))).toBe(kept);
      },
      STEP_MS,
    );

    it(
      "leaves nothing with nobody to ask when yes was set before",
      () => {
        install("first.deb");
        writeFileSync(join(state, "identity/device.pem"), "");
        inside("echo 'causeway causeway/purge-identity boolean true' | debconf-set-selections");
        inside("dpkg -P causeway");
        expect(existsSync(state)).toBe(false);
        expect(existsSync(config)).toBe(false);
        expect(inside("debconf-show causeway")).toBe("");
      },
      STEP_MS,
    );
  },
);

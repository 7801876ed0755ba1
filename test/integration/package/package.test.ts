import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { messageOf } from "../../../agent/core/errors.ts";
import { elfFiles } from "../../../scripts/packaging/binaries.ts";
import { isInstalled, runCommand } from "../../../scripts/packaging/command.ts";
import { filesBelow } from "../../../scripts/packaging/files.ts";
import { cannotRun, smokeTest } from "../../../scripts/packaging/smoke-run.ts";
import { TARGETS, toolchainOf } from "../../../scripts/packaging/target.ts";
import { buildPackage, builtPackage } from "../../../scripts/testing/built-package.ts";
import { startChild } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";
import { diskRoot } from "../../fakes/core/folder.ts";
import { configFile } from "../../fakes/daemon/view-socket.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** On a busy machine; an idle one takes half a minute. */
const BUILD_MS = 900_000;
const own = TARGETS.find(({ nodeArch }) => nodeArch === process.arch);
const missing = isInstalled("dpkg-deb") ? undefined : "dpkg-deb is not installed";

function digestOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Lines of dpkg-deb -c as "mode owner path". */
function listing(file: string): string[] {
  return runCommand("dpkg-deb", ["-c", file])
    .trim()
    .split("\n")
    .map((line) => {
      const [mode = "", owner = "", , , , path = ""] = line.split(/\s+/);
      return `${mode} ${owner} ${path}`;
    });
}

function lacking(reason: string | undefined): string {
  return reason === undefined ? "" : ` (skipped: ${reason})`;
}

describe.skipIf(missing !== undefined)(`the package for this machine${lacking(missing)}`, () => {
  const folder = missing === undefined ? mkdtempSync(join(diskRoot(), "causeway-package-test-")) : "";
  const tree = join(folder, "tree");
  let file = "";
  const program = join(tree, "usr/lib/causeway");

  beforeAll(async () => {
    file = await builtPackage(own?.architecture ?? "");
    runCommand("dpkg-deb", ["-x", file, tree]);
  }, BUILD_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("holds the program, its Node, the units, the configuration and the documentation", () => {
    const entries = listing(file);
    expect(entries).toEqual(
      expect.arrayContaining([
        "-rwxr-xr-x root/root ./usr/bin/causeway",
        "-rwxr-xr-x root/root ./usr/lib/causeway/node",
        "-rw-r--r-- root/root ./usr/lib/causeway/agent/main.js",
        "-rw-r--r-- root/root ./usr/lib/causeway/agent/native/build/Release/can_receive.node",
        "-rw-r--r-- root/root ./usr/lib/causeway/agent/page/index.html",
        "-rw-r--r-- root/root ./usr/lib/causeway/agent/page/page.js",
        "-rw-r--r-- root/root ./usr/lib/causeway/agent/page/uPlot.iife.min.js",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/docs/page.md",
        "-rwxr-xr-x root/root ./usr/lib/causeway/causeway-start",
        "-rwxr-xr-x root/root ./usr/lib/causeway/causeway-wake-alarm",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway.service",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-recover.service",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-reboot.socket",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-reboot.service",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-sleep-lock.socket",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-sleep-lock@.service",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-suspend.socket",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-suspend.service",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-wake-alarm.socket",
        "-rw-r--r-- root/root ./lib/systemd/system/causeway-wake-alarm@.service",
        "-rw-r--r-- root/root ./usr/lib/sysusers.d/causeway.conf",
        "-rw-r--r-- root/root ./usr/lib/tmpfiles.d/causeway.conf",
        "-rw-r--r-- root/root ./usr/lib/systemd/catalog/causeway.catalog",
        "-rw-r--r-- root/root ./usr/lib/sysctl.d/60-causeway.conf",
        "-rw-r--r-- root/root ./etc/causeway/agent.yaml",
        "drwxr-xr-x root/root ./etc/causeway/campaigns/",
        "-rw-r--r-- root/root ./usr/share/causeway/campaign.schema.json",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/docs/campaigns.md",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/docs/diagnostics.md",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/docs/encryption.md",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/examples/agent.yaml",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/examples/outbox-key.conf",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/examples/place-serial.conf",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/examples/campaign.yaml",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/examples/ecus.yaml",
        "-rw-r--r-- root/root ./usr/share/causeway/ecus.schema.json",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/changelog.Debian.gz",
        "-rw-r--r-- root/root ./usr/share/doc/causeway/copyright",
        "-rw-r--r-- root/root ./usr/share/man/man1/causeway.1.gz",
        "-rw-r--r-- root/root ./usr/share/bash-completion/completions/causeway",
        "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_causeway",
        "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/causeway.fish",
      ]),
    );
    expect(entries.filter((entry) => !entry.includes(" root/root "))).toEqual([]);
  });

  it("passes on the licences of what is joined into its code, and of what that has joined itself", () => {
    const notices = readFileSync(join(tree, "usr/share/doc/causeway/copyright"), "utf8");
    for (const name of ["zod", "yaml", "commander", "aws-crt", "better-sqlite3", "sonic-boom", "uplot"]) {
      expect(notices).toMatch(new RegExp(`^ *${name} \\d+\\.\\d+`, "m"));
    }
  });

  it("holds no source, test, map, build tool, binary of another machine, or program of the cloud", () => {
    const paths = filesBelow(tree);
    expect(
      paths.filter((path) => /\.(ts|map|cc|cpp|h|gyp)$|\/(node-gyp|nan|axios|typescript|vitest)\//.test(path)),
    ).toEqual([]);
    expect(paths.filter((path) => path.includes("/test/"))).toEqual([]);
    // What runs in the cloud has packages of its own.
    const code = paths.filter((path) => path.endsWith(".js")).map((path) => readFileSync(join(tree, path), "utf8"));
    expect(
      code.filter((text) => /@aws-sdk\/client-(dynamodb|kms|iot)|openid-client|hono\/|causeway\/companion/.test(text)),
    ).toEqual([]);
    const natives = paths.filter((path) => path.endsWith(".node")).map((path) => join(tree, path));
    expect(elfFiles(program).length).toBe(natives.length + 1);
  });

  it("serves the live page, with the library that draws its plots", async () => {
    const { config } = configFile();
    const lines: string[] = [];
    const child = await startChild({
      command: join(program, "node"),
      args: [join(program, "agent/main.js"), "ui", "--quiet", "--port", "0", "--config", config],
      logFile: join(folder, "ui.log"),
      onLine: (line) => lines.push(line),
    });
    try {
      const url = await until(() => lines[0], { what: "the page is served", timeoutMs: 60_000 });
      const [origin = ""] = url.split("/#");
      for (const [path, source] of [
        ["/", "agent/ui/page/index.html"],
        ["/page.js", "agent/ui/page/page.js"],
        ["/uPlot.iife.min.js", "node_modules/uplot/dist/uPlot.iife.min.js"],
      ] as const) {
        const answer = await fetch(`${origin}${path}`);
        expect(await answer.text()).toBe(readFileSync(join(ROOT, source), "utf8"));
      }
      expect((await fetch(`${origin}/events`)).status).toBe(401);
    } finally {
      await child.stop();
    }
  });

  it("runs, loads every native library and file of code, writes SQLite and decodes a frame", async () => {
    if (own === undefined) throw new Error(`no package for ${process.arch}`);
    const report = await smokeTest(ROOT, file, own);
    expect(report.natives.map((path) => path.split("/").at(-1))).toEqual(
      expect.arrayContaining(["can_receive.node", "can.node", "aws-crt-nodejs.node", "unix_dgram.node"]),
    );
    expect(report.rows).toBe(100);
    expect(report.version).toMatch(/^causeway \d+\.\d+\.\d+ \(Node v24\./);
  });

  it("names no folder of this machine", () => {
    for (const path of filesBelow(tree)) {
      const content = readFileSync(join(tree, path));
      for (const name of [ROOT, folder]) expect(content.includes(name), `${path} names ${name}`).toBe(false);
    }
  });

  it("cannot start half-configured: the shipped configuration names what must be set", () => {
    const config = join(tree, "etc/causeway/agent.yaml");
    const main = [join(program, "agent/main.js"), "config", "validate", "--config"];
    const fault = thrownBy(() => runCommand(join(program, "node"), [...main, config]));
    expect(fault).toContain("exit 78");
    expect(fault).toContain("thingName");
    expect(readFileSync(join(tree, "usr/share/doc/causeway/examples/agent.yaml"), "utf8")).toContain("thingName: ");
    expect(readFileSync(join(tree, "usr/share/doc/causeway/examples/campaign.yaml"), "utf8")).toContain(
      "$schema=/usr/share/causeway/campaign.schema.json\n",
    );
    expect(readFileSync(join(tree, "usr/share/doc/causeway/examples/ecus.yaml"), "utf8")).toContain(
      "$schema=/usr/share/causeway/ecus.schema.json\n",
    );
  });

  it("has a man page without a fault that names every verb", () => {
    const page = runCommand("gzip", ["-dc", join(tree, "usr/share/man/man1/causeway.1.gz")]);
    for (const verb of [
      "run",
      "status",
      "config validate",
      "can dump",
      "signals decode",
      "dtc list",
      "obd scan",
      "version",
    ]) {
      expect(page).toContain(`.SS "${verb}`);
    }
    if (isInstalled("groff")) {
      expect(
        runCommand("sh", [
          "-c",
          `gzip -dc "$0" | groff -man -ww -z -Tutf8 2>&1`,
          join(tree, "usr/share/man/man1/causeway.1.gz"),
        ]),
      ).toBe("");
    }
  });

  it.each([
    ["causeway con", ["config", "connect"]],
    ["causeway config va", ["validate"]],
    ["causeway --config /etc/x config sh", ["show"]],
    ["causeway can dump --sec", ["--seconds"]],
    ["causeway version --js", ["--json"]],
  ])("completes '%s' in bash", (line, expected) => {
    const script = `. "$0"; read -ra COMP_WORDS <<<"$1"; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _causeway; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const completion = join(tree, "usr/share/bash-completion/completions/causeway");
    expect(runCommand("bash", ["-c", script, completion, line]).trim().split("\n").sort()).toEqual(expected);
  });

  it.skipIf(!isInstalled("fish"))("completes in fish (needs fish)", () => {
    const script = `source ${tree}/usr/share/fish/vendor_completions.d/causeway.fish; complete -C 'causeway config va'`;
    expect(runCommand("fish", ["--no-config", "-c", script])).toMatch(/^validate\t/);
  });

  it.skipIf(!isInstalled("zsh"))("has a completion that zsh reads (needs zsh)", () => {
    expect(runCommand("zsh", ["-n", join(tree, "usr/share/zsh/vendor-completions/_causeway")])).toBe("");
  });

  it.skipIf(!isInstalled("lintian"))(
    "has no error for lintian (needs lintian)",
    () => {
      expect(runCommand("lintian", ["--allow-root", "--fail-on", "none", file]).match(/^E: .*/gm) ?? []).toEqual([]);
    },
    BUILD_MS,
  );

  it(
    "has the same digest when it is built again",
    () => {
      const again = buildPackage(own?.architecture ?? "", join(folder, "again"));
      expect(basename(again)).toBe(basename(file));
      expect(digestOf(again)).toBe(digestOf(file));
    },
    BUILD_MS,
  );
});

/** Why a target cannot be built and run here. */
function cannotBuild(target: (typeof TARGETS)[number]): string | undefined {
  const reason = missing ?? cannotRun(target);
  if (reason !== undefined) return reason;
  return thrownBy(() => toolchainOf(target));
}

function thrownBy(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

for (const target of TARGETS.filter((other) => other !== own)) {
  const reason = cannotBuild(target);
  describe.skipIf(reason !== undefined)(`the package for ${target.architecture}${lacking(reason)}`, () => {
    it(
      "is cross-built and runs in the emulator",
      async () => {
        const { rows, version, physical } = await smokeTest(ROOT, await builtPackage(target.architecture), target);
        expect({ rows, physical }).toEqual({ rows: 100, physical: { Speed: 100, Torque: -107.5 } });
        expect(version).toContain(`linux-${target.nodeArch}`);
      },
      BUILD_MS,
    );
  });
}

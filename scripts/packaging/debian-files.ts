import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bashCompletion, fishCompletion, zshCompletion } from "../../agent/cli/help/completions.ts";
import { manPage } from "../../agent/cli/help/man-page.ts";
import { configJsonSchema, exampleConfig } from "../../config/example.ts";
import { readCommandTree } from "./command-tree.ts";
import { type Bundled, copyrightFile, debianChangelog, type Release } from "./control.ts";
import { filesBelow, writePacked } from "./files.ts";
import { packedDocument } from "./packed-document.ts";

const TEMPLATES = "scripts/packaging/debian";

/** Files that are packed as they are in the checkout: where from, where to. */
const COPIES: readonly (readonly [from: string, to: string])[] = [
  [`${TEMPLATES}/agent.yaml`, "etc/causeway/agent.yaml"],
  ["systemd/causeway.service", "lib/systemd/system/causeway.service"],
  ["systemd/causeway-recover.service", "lib/systemd/system/causeway-recover.service"],
  ["systemd/causeway-view.socket", "lib/systemd/system/causeway-view.socket"],
  ["systemd/causeway-admin.socket", "lib/systemd/system/causeway-admin.socket"],
  ["systemd/causeway-publish.socket", "lib/systemd/system/causeway-publish.socket"],
  ["systemd/causeway-publish@.socket", "lib/systemd/system/causeway-publish@.socket"],
  ["systemd/causeway-reboot.socket", "lib/systemd/system/causeway-reboot.socket"],
  ["systemd/causeway-reboot.service", "lib/systemd/system/causeway-reboot.service"],
  ["systemd/causeway-sleep-lock.socket", "lib/systemd/system/causeway-sleep-lock.socket"],
  ["systemd/causeway-sleep-lock@.service", "lib/systemd/system/causeway-sleep-lock@.service"],
  ["systemd/causeway-suspend.socket", "lib/systemd/system/causeway-suspend.socket"],
  ["systemd/causeway-suspend.service", "lib/systemd/system/causeway-suspend.service"],
  ["systemd/causeway-wake-alarm.socket", "lib/systemd/system/causeway-wake-alarm.socket"],
  ["systemd/causeway-wake-alarm@.service", "lib/systemd/system/causeway-wake-alarm@.service"],
  ["systemd/sysusers.d/causeway.conf", "usr/lib/sysusers.d/causeway.conf"],
  ["systemd/tmpfiles.d/causeway.conf", "usr/lib/tmpfiles.d/causeway.conf"],
  ["systemd/causeway.catalog", "usr/lib/systemd/catalog/causeway.catalog"],
  ["systemd/sysctl.d/60-causeway.conf", "usr/lib/sysctl.d/60-causeway.conf"],
  ["systemd/network/80-can0.network", "usr/share/doc/causeway/examples/80-can0.network"],
  ["systemd/plain-pin.conf", "usr/share/doc/causeway/examples/plain-pin.conf"],
  ["systemd/outbox-key.conf", "usr/share/doc/causeway/examples/outbox-key.conf"],
  ["systemd/gpio.conf", "usr/share/doc/causeway/examples/gpio.conf"],
  ["systemd/place-serial.conf", "usr/share/doc/causeway/examples/place-serial.conf"],
  ["systemd/metrics.conf", "usr/share/doc/causeway/examples/metrics.conf"],
  ["docs/examples/publish.sh", "usr/share/doc/causeway/examples/publish.sh"],
  ["docs/examples/publish.py", "usr/share/doc/causeway/examples/publish.py"],
  ["docs/examples/publish.c", "usr/share/doc/causeway/examples/publish.c"],
  ["docs/examples/publish-protobuf.c", "usr/share/doc/causeway/examples/publish-protobuf.c"],
  ["docs/examples/answer.py", "usr/share/doc/causeway/examples/answer.py"],
  ["config/policy.example.yaml", "usr/share/doc/causeway/examples/policy.yaml"],
  ["config/catalogue.example.yaml", "usr/share/doc/causeway/examples/catalogue.yaml"],
  ["config/bench-doors.dbc", "usr/share/doc/causeway/examples/bench-doors.dbc"],
  ["config/bench-vehicle.dbc", "usr/share/doc/causeway/examples/vehicle.dbc"],
  ["config/campaign.schema.json", "usr/share/causeway/campaign.schema.json"],
  ["config/ecus.schema.json", "usr/share/causeway/ecus.schema.json"],
  ["config/proto/telemetry.proto", "usr/share/causeway/telemetry.proto"],
  ["config/proto/commands.proto", "usr/share/causeway/commands.proto"],
  ["config/proto/program.proto", "usr/share/causeway/program.proto"],
  [`${TEMPLATES}/README.Debian`, "usr/share/doc/causeway/README.Debian"],
  [`${TEMPLATES}/lintian-overrides`, "usr/share/lintian/overrides/causeway"],
];

/** The same, of which the package has its own. */
const MADE: readonly (readonly [from: string, to: string])[] = [
  ["config/agent.schema.json", "usr/share/causeway/agent.schema.json"],
  ["config/proto/telemetry.desc", "usr/share/causeway/telemetry.desc"],
  ["config/agent.example.yaml", "usr/share/doc/causeway/examples/agent.yaml"],
  ["config/campaign.example.yaml", "usr/share/doc/causeway/examples/campaign.yaml"],
  ["config/ecus.example.yaml", "usr/share/doc/causeway/examples/ecus.yaml"],
];

/** Documents, beside README.md as in the checkout, so that links lead somewhere. What only a checkout or a cloud has is left out. */
export const DOCUMENTS = [
  "campaigns",
  "commands",
  "diagnostics",
  "encryption",
  "fleet",
  "fleetwise",
  "identity",
  "integrator",
  "page",
  "power",
  "records",
  "settings",
  "technician",
  "updates",
];

/** Best compression and no time: gzip -9n. */
function gzip(text: string | Uint8Array): Uint8Array {
  return gzipSync(text, { level: 9 });
}

/** What others wrote and is packed with the program. */
export type Licences = { readonly bundled: readonly Bundled[]; readonly nodeLicence: Uint8Array };

/** Everything outside /usr/lib/causeway: the command, units, configuration, documentation, completions. */
export async function packSystemFiles(
  root: string,
  tree: string,
  release: Release,
  { bundled, nodeLicence }: Licences,
): Promise<void> {
  for (const [from, to] of COPIES) writePacked(join(tree, to), readFileSync(join(root, from)));
  writePacked(join(tree, "usr/bin/causeway"), readFileSync(join(root, TEMPLATES, "causeway")), 0o755);
  for (const program of ["causeway-start", "causeway-wake-alarm"]) {
    writePacked(join(tree, "usr/lib/causeway", program), readFileSync(join(root, "systemd", program)), 0o755);
  }
  for (const folder of ["agent.d", "campaigns", "dbc"])
    mkdirSync(join(tree, "etc/causeway", folder), { recursive: true });

  const shared = join(tree, "usr/share/causeway");
  writePacked(join(shared, "agent.schema.json"), `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  symlinkSync("../../lib/causeway/agent/telemetry.desc", join(shared, "telemetry.desc"));

  const documents = join(tree, "usr/share/doc/causeway");
  const example = exampleConfig().replace("$schema=agent.schema.json", "$schema=/usr/share/causeway/agent.schema.json");
  writePacked(join(documents, "examples/agent.yaml"), example);
  for (const name of ["campaign", "ecus"]) writePacked(join(documents, `examples/${name}.yaml`), exampleOf(root, name));
  for (const document of ["README", ...DOCUMENTS.map((name) => `docs/${name}`)]) {
    writePacked(join(documents, `${document}.md`), documentOf(root, document));
  }
  writePacked(join(documents, "copyright"), copyrightFile(bundled));
  writePacked(join(documents, "nodejs-license.gz"), gzip(nodeLicence));
  writePacked(join(documents, "changelog.Debian.gz"), gzip(debianChangelog(release)));
  writePacked(join(documents, "changelog.gz"), gzip(readFileSync(join(root, "CHANGELOG.md"))));
  await packHelp(tree, release);
}

/** A document without what only a checkout has. `name` is its path from the root, without the ending. */
export function documentOf(root: string, name: string): string {
  const text = readFileSync(join(root, `${name}.md`), "utf8");
  return packedDocument(text, { copies: [...COPIES, ...MADE], documents: DOCUMENTS });
}

/** An example document, which names the schema where the package has it. */
function exampleOf(root: string, name: string): string {
  const text = readFileSync(join(root, `config/${name}.example.yaml`), "utf8");
  return text.replace(`$schema=${name}.schema.json`, `$schema=/usr/share/causeway/${name}.schema.json`);
}

async function packHelp(tree: string, { version, epochSeconds }: Release): Promise<void> {
  const commands = await readCommandTree(version);
  const date = new Date(epochSeconds * 1000).toISOString().slice(0, 10);
  const share = join(tree, "usr/share");
  writePacked(join(share, "man/man1/causeway.1.gz"), gzip(manPage({ tree: commands, version, date })));
  writePacked(join(share, "bash-completion/completions/causeway"), bashCompletion(commands));
  writePacked(join(share, "zsh/vendor-completions/_causeway"), zshCompletion(commands));
  writePacked(join(share, "fish/vendor_completions.d/causeway.fish"), fishCompletion(commands));
}

/** The folder DEBIAN of the tree: control, what dpkg runs, what it asks, digests. */
export function packControl(root: string, tree: string, control: string): void {
  const digests = filesBelow(tree)
    .filter((path) => !path.startsWith("etc/") && path !== "usr/share/causeway/telemetry.desc")
    .map(
      (path) =>
        `${createHash("md5")
          .update(readFileSync(join(tree, path)))
          .digest("hex")}  ${path}\n`,
    );
  const folder = join(tree, "DEBIAN");
  writePacked(join(folder, "control"), control);
  writePacked(join(folder, "conffiles"), "/etc/causeway/agent.yaml\n");
  writePacked(join(folder, "md5sums"), digests.join(""));
  cpSync(join(root, TEMPLATES, "templates"), join(folder, "templates"));
  for (const script of ["postinst", "prerm", "postrm"]) {
    writePacked(join(folder, script), readFileSync(join(root, TEMPLATES, script)), 0o755);
  }
}

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { AgentError, FAULTS } from "../../../../agent/core/errors.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { readCommandTree } from "../../../../scripts/packaging/command-tree.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const NOBODY = 65_534;
const IS_ROOT = process.geteuid?.() === 0;
const ROOT = join(import.meta.dirname, "../../../..");

/** A call with the file that is tried as FILE; sound ones stand beside it, where a verb wants more than one. */
const READERS: readonly string[] = [
  "config validate --config FILE",
  "config show --config FILE",
  "config get broker.port --config FILE",
  "config set broker.port 1 --config FILE",
  "dbc check FILE",
  "dbc list FILE",
  "dbc list --dbc FILE",
  "dbc show FILE Door",
  "dbc map --vss FILE DBC",
  "dbc map --vss VSS FILE",
  "dbc map --vss VSS --mapping FILE DBC",
  "signals decode --dbc FILE LOG",
  "signals decode --dbc DBC FILE",
  "can convert FILE out.asc",
  "can replay FILE can0",
  "records decode FILE",
  "records decode --table FILE LOG",
  "records decode --key FILE LOG",
  "records export -o out.log FILE",
  "records export -o out.log --key FILE LOG",
  "buffer export --key FILE",
  "audit verify FILE",
  "campaign validate FILE",
  "campaign validate --dbc FILE CAMPAIGN",
  "campaign test --dbc DBC FILE CAMPAIGN",
  "campaign test --dbc DBC LOG FILE",
  "campaign test --dbc FILE LOG CAMPAIGN",
  "campaign add FILE",
  "commands run FILE",
  "jobs run --dry-run FILE",
  "mqtt pub a/b -f FILE",
  "publish --file FILE",
  "uds ecus --catalogue FILE",
  "cert show FILE",
  "diag collect --url-file FILE",
];

/** A call that writes FILE, which is in a folder that is not there, is a folder itself, or is in one that may not be written. */
const WRITERS: readonly string[] = [
  "can convert LOG FILE",
  "dbc map --vss VSS -o FILE DBC",
  "records decode --format parquet -o FILE LOG",
  "diag collect -o FILE",
];

const settings = (at: string) => ({
  thingName: "veh-1",
  bench: true,
  stateDir: `${at}/state`,
  runtimeDir: `${at}/run`,
  buses: [{ name: "can0", driver: "replay", file: "LOG.log" }],
  broker: { host: "localhost", port: 1, caFile: "ca.pem" },
  identity: { mode: "file", certificateFile: "device.pem", keyFile: "device.key" },
});

let folder = "";
let config = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-input-files-"));
  chmodSync(folder, 0o777);
  config = join(folder, "agent.yaml");
  writeFileSync(config, stringify(settings(folder)));
  copyFileSync(join(ROOT, "config/bench-doors.dbc"), join(folder, "DBC.dbc"));
  copyFileSync(join(ROOT, "config/campaign.example.yaml"), join(folder, "CAMPAIGN.yaml"));
  writeFileSync(
    join(folder, "VSS.json"),
    '{"Vehicle":{"type":"branch","children":{"Speed":{"type":"sensor","datatype":"float","unit":"km/h"}}}}',
  );
  writeFileSync(join(folder, "LOG.log"), "(1735270496.916858) can0 110#0011223344556677\n");
  writeFileSync(join(folder, "closed"), "x");
  chmodSync(join(folder, "closed"), 0o000);
  mkdirSync(join(folder, "folder"));
  mkdirSync(join(folder, "shut"), { mode: 0o555 });
  // So that another user finds everything loaded.
  await readCommandTree("0");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What is said of it, with the exit code that it has. */
async function told(call: string, file: string): Promise<string> {
  const at = (name: string): string => join(folder, name);
  const named = {
    FILE: file,
    DBC: at("DBC.dbc"),
    LOG: at("LOG.log"),
    VSS: at("VSS.json"),
    CAMPAIGN: at("CAMPAIGN.yaml"),
  };
  const words = call.split(" ").map((word) => Object.entries(named).find(([name]) => name === word)?.[1] ?? word);
  const args = words.map((word) => (word.startsWith("out.") ? at(word) : word));
  const whole = args.includes("--config") ? args : [...args, "--config", config];
  try {
    const { exitCode, stderr, stdout } = await runCli(whole, { clock: systemClock() });
    return `${exitCode} ${stderr}${stdout}`;
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) return `a bug: ${String(thrown)}`;
    return `${FAULTS[thrown.code].exit} ${thrown.message}\n  remedy: ${thrown.remedy}`;
  }
}

/** A code of its own, the file, what to do, and nothing of a library. */
function expectTold(text: string, file: string, call = ""): void {
  expect(text).toMatch(/^(?:64|65|69|77|78|1) /);
  expect(text).not.toMatch(/a bug|\n {4}at |E[A-Z]{4,}: /);
  expect(text).toContain(file);
  // These give each problem a line, as compilers do.
  if (!/^(dbc check|campaign validate)\b/.test(call)) expect(text).toMatch(/remedy: \S/);
}

describe("a file that a verb is given to read", () => {
  it.each(READERS)("is named when it is not there, or is a folder: %s", async (call) => {
    const absent = join(folder, "absent");
    expectTold(await told(call, absent), absent, call);
    const isOfFolders = /^(records (decode|export)|campaign|cert show)\b/.test(call);
    if (!isOfFolders) expectTold(await told(call, join(folder, "folder")), join(folder, "folder"), call);
  });

  it.skipIf(!IS_ROOT).each(READERS)(
    "is named when this user may not read it (only root can try it): %s",
    async (call) => {
      const closed = join(folder, "closed");
      process.seteuid?.(NOBODY);
      try {
        expectTold(await told(call, closed), closed, call);
      } finally {
        process.seteuid?.(0);
      }
    },
  );
});

describe("the folder agent.d beside the configuration", () => {
  it.skipIf(!IS_ROOT)("is named in words when this user may not list it (only root can try it)", async () => {
    const own = join(folder, "own");
    mkdirSync(join(own, "agent.d"), { recursive: true });
    writeFileSync(join(own, "agent.yaml"), stringify(settings(own)));
    chmodSync(join(own, "agent.d"), 0o700);
    process.seteuid?.(NOBODY);
    try {
      const text = await told("config show --config FILE", join(own, "agent.yaml"));
      expect(text).toMatch(/^7[78] .*agent\.d: cannot be listed: permission denied\n {2}remedy: \S/);
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe("a file that a verb is given to write", () => {
  it.each(WRITERS)("is named when its folder is not there, or it is one: %s", async (call) => {
    const absent = join(folder, "absent", "out");
    expectTold(await told(call, absent), absent);
  });

  it.skipIf(!IS_ROOT).each(WRITERS)(
    "is named when this user may not write there (only root can try it): %s",
    async (call) => {
      process.seteuid?.(NOBODY);
      try {
        const text = await told(call, join(folder, "shut", "out"));
        expectTold(text, join(folder, "shut", "out"));
        expect(text).toMatch(/^77 /);
      } finally {
        process.seteuid?.(0);
      }
    },
  );
});

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadDaemonConfig } from "../../../../agent/daemon/configuration/layered-config.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { daemonHome } from "../../../fakes/daemon/daemon.ts";
import { ReleaseSigner } from "../../../fakes/updates/release.ts";

const SET = "a".repeat(64);

describe("the progress of loading", () => {
  it("tells what was read before anything that it names is, and of the table when that is there", async () => {
    const home = await daemonHome((config) => {
      config.dbc = [{ file: "missing.dbc" }];
    });
    const heard: string[] = [];
    const progress = {
      onRead: ({ thingName }: { readonly thingName: string }) => void heard.push(thingName),
      onTable: () => void heard.push("table"),
    };
    await expect(loadDaemonConfig(home.config, new ManualClock(), undefined, progress)).rejects.toThrow("missing.dbc");
    expect(heard).toEqual(["veh-1"]);
    const whole = await daemonHome();
    await loadDaemonConfig(whole.config, new ManualClock(), undefined, progress);
    expect(heard).toEqual(["veh-1", "veh-1", "table"]);
  });
});

describe("settings that do not fit any more", () => {
  it("are left with a reason that names their file, and no folder of the vehicle", async () => {
    const home = await daemonHome((config) => {
      const { rootFile } = new ReleaseSigner(join(String(config.stateDir), "desk"));
      const gate = { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 };
      config.ota = { rootFile, hardware: "gateway-2", gate, jobs: { enabled: true } };
    });
    const folder = join(home.folder, "state", "settings");
    mkdirSync(join(folder, SET, "agent.d"), { recursive: true });
    writeFileSync(join(folder, SET, "agent.d", "settings.yaml"), "collect:\n  batchMs: often\n  rules: 7\n");
    symlinkSync(SET, join(folder, "current"));
    writeFileSync(join(folder, "trial"), `to=${SET}\nfrom=none\nstarts=0\n`);
    const { refused, sets } = await loadDaemonConfig(home.config, new ManualClock());
    expect(sets.settings).toBe("none");
    expect(refused).toHaveLength(1);
    expect(refused[0].what).toMatch(/^settings\.yaml:2:3 collect\.batchMs.*\nsettings\.yaml:3:3 collect\.rules/);
    const left = readFileSync(join(folder, "rolled-back"), "utf8");
    expect(left).toMatch(/^to=a{64}\nreason=settings\.yaml:2:3 collect\.batchMs/);
    for (const text of [refused[0].what, left]) expect(text).not.toContain(home.folder);
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { unitOf } from "../../../scripts/guest-machine/account.ts";
import { type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";
import { until } from "../../bench/core/wait.ts";
import { ReleaseSigner } from "../../fakes/updates/release.ts";

/** What the rollback must hold, and what an emulated machine may take beyond it to unpack a release and to start processes. */
const ROLLBACK_MS = 300_000;
const SLOW_MS = 120_000;
/** What a verb ends with that finds no agent. */
const NO_AGENT = 3;
const UPDATES = "/srv/update";

const otaStatus = z.object({
  running: z.string().optional(),
  update: z.object({ step: z.string(), failure: z.object({ reason: z.string(), detail: z.string() }).optional() }),
});

/** Changes to a copy of the installed version, in its folder. */
const VERSIONS = {
  good: `sed -i 's/"version": "[^"]*"/"version": "0.1.9"/' package.json`,
  "crashes at start": "printf '#!/bin/sh\\nexit 1\\n' >node",
  hangs: "printf '#!/bin/sh\\nwhile :; do sleep 1; done\\n' >node",
} as const;

describe("updates of the agent under systemd, from one real version to another", { timeout: 7_200_000 }, () => {
  let guest: Guest;
  let folder: string;
  let releaseSigner: ReleaseSigner;
  let releases = 0;
  /** How many times longer than shipped a start may take. */
  let busy = 1;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-guest-update-"));
    releaseSigner = new ReleaseSigner(folder);
    guest = await startGuest({
      rate: 0.1,
      dataBytes: 1_500_000_000,
      config: {
        ota: {
          rootFile: "root.1.json",
          hardware: "gateway-2",
          gate: { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 },
          // A version that never connects must not pass for one without coverage.
          healthCheck: { withinSeconds: 120, offlineSeconds: 270 },
        },
      },
    });
    await guest.machine.copyIn(releaseSigner.rootFile, "/etc/causeway/root.1.json", "0640", "root:causeway");
    await guest.sh(
      `rm --recursive /etc/systemd/system/causeway.service.d && ${startTimeout()} && systemctl daemon-reload`,
    );
    await guest.sh("systemctl start causeway");
    await guest.statusWhen("online", ({ link }) => link.state === "online");
  });
  afterAll(async () => {
    await guest?.stop();
    rmSync(folder, { recursive: true });
  });

  /** Bad versions are given up after the time of the unit that is shipped, or after one that a machine this busy needs for a good one. */
  function startTimeout(): string {
    const { slowness } = guest.machine;
    if (slowness < 1.5) return "true";
    busy = 2 * slowness;
    const folder = "/etc/systemd/system/causeway.service.d";
    const seconds = `$(sed -n 's/^TimeoutStartSec=//p' /lib/systemd/system/causeway.service)`;
    return `mkdir ${folder} && printf '[Service]\\nTimeoutStartSec=%d\\n' $((${seconds} * ${Math.ceil(busy)})) > ${folder}/busy.conf`;
  }

  /** Makes a release of the installed version in the guest, signs it here, and puts the manifest beside it. Gives the path there. */
  async function release(change: string): Promise<string> {
    const name = `agent-${(releases += 1)}.tar.gz`;
    const work = "/var/tmp/release";
    const facts = await guest.sh(
      `rm -rf ${work} && cp -r /usr/lib/causeway ${work} && cd ${work} && ${change} && mkdir -p ${UPDATES} &&
       tar --create --gzip --file ${UPDATES}/${name} --exclude=./causeway-start . &&
       chmod -R a+rX ${UPDATES} && sha256sum ${UPDATES}/${name} | cut -d' ' -f1 && stat --format=%s ${UPDATES}/${name}`,
      SLOW_MS,
    );
    const [sha256 = "", sizeBytes = ""] = facts.trim().split("\n");
    const { path } = releaseSigner.sign([{ name, kind: "agent", sha256, sizeBytes: Number(sizeBytes) }]);
    for (const file of [path, `${path}.sig`]) await guest.machine.copyIn(file, `${UPDATES}/${basename(file)}`);
    return `${UPDATES}/${basename(path)}`;
  }

  async function show(): Promise<z.infer<typeof otaStatus>> {
    return otaStatus.parse(JSON.parse(await guest.sh("causeway ota show --json", SLOW_MS)));
  }

  /** Installs it to its end. Gives the exit code, and how long all of it took. */
  async function install(manifest: string): Promise<{ readonly code: number; readonly ms: number }> {
    const begun = performance.now();
    const waitMs = ROLLBACK_MS * busy + SLOW_MS;
    const { code } = await guest.run(`causeway ota install ${manifest}`, waitMs);
    // The verb waits for an agent that is away as long as one with the unit that is shipped can be.
    const left = code === NO_AGENT && busy > 1;
    return { code: left ? await outcomeOf(waitMs) : code, ms: performance.now() - begun };
  }

  /** The exit code for the update that is left to itself, once it is over. */
  async function outcomeOf(timeoutMs: number): Promise<number> {
    const over = async (): Promise<number | undefined> => {
      const { code, stdout } = await guest.run("causeway ota show --json", SLOW_MS);
      const step = code === 0 ? otaStatus.parse(JSON.parse(stdout)).update.step : undefined;
      if (step === "failed") return 1;
      return step === "done" ? 0 : undefined;
    };
    return await until(over, { what: "the update is over", timeoutMs: guest.patience(timeoutMs), everyMs: 1000 });
  }

  const starts = async (): Promise<number> => Number((await unitOf(guest)).NRestarts);

  it("goes from a good version to another, which then runs", async () => {
    const { code } = await install(await release(VERSIONS.good));
    expect(code).toBe(0);
    const { running, update } = await show();
    expect([update.step, running]).toEqual(["done", expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const status = await guest.statusWhen("online", ({ link }) => link.state === "online");
    expect(status.version).toBe("0.1.9");
  });

  it.each(["crashes at start", "hangs"] as const)("is back within three starts after one that %s", async (version) => {
    const before = { running: (await show()).running, starts: await starts() };
    const { code, ms } = await install(await release(VERSIONS[version]));
    console.log(`${version}: back after ${Math.round(ms / 1000)} s, ${(await starts()) - before.starts} restarts`);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(ROLLBACK_MS * busy + guest.patience(SLOW_MS));
    const { running, update } = await show();
    expect([running, update.step, update.failure?.reason]).toEqual([
      before.running,
      "failed",
      "supervisor-rolled-back",
    ]);
    // The one that was asked for, and at most three of the bad version.
    expect((await starts()) - before.starts).toBeLessThanOrEqual(4);
    await guest.statusWhen("online", ({ link }) => link.state === "online");
    expect((await guest.sh("systemctl is-active causeway")).trim()).toBe("active");
  });

  it("is back after one that never connects", async () => {
    const before = (await show()).running;
    const manifest = await release(VERSIONS.good.replace("0.1.9", "0.1.8"));
    await guest.link.cut();
    const { code, ms } = await install(manifest);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(ROLLBACK_MS * busy + guest.patience(SLOW_MS));
    const { running, update } = await show();
    expect([running, update.failure?.reason]).toEqual([before, "unhealthy"]);
    await guest.link.restore();
    await guest.statusWhen("online", ({ link }) => link.state === "online");
  });
});

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { FetchedArtifact } from "../../../agent/ports/update.ts";
import { createSlots } from "../../../drivers/os/versions/slots.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { writeTarGz } from "../../fakes/updates/tar.ts";

const START = join(import.meta.dirname, "../../../systemd/causeway-start");
/** CAUSEWAY_TAMPERED=10000 is the figure that must hold; fewer keep the usual run short. */
const TAMPERED = Number(process.env.CAUSEWAY_TAMPERED ?? 300);
const never = new AbortController().signal;

/** Stand-ins for a release's Node: what the version does once it is started. Each writes down that it was. */
const BEHAVIOURS = {
  /** Ends its trial as the agent does, and stops. */
  good: 'rm -f "$STATE/releases/trial"; exit 0',
  crashes: "exit 1",
  hangs: "while :; do sleep 0.1; done",
  "runs without proof": "sleep 0.3; exit 1",
} as const;
type Behaviour = keyof typeof BEHAVIOURS;
/** As Node does when it is asked whether it knows the options: that is no start. */
const IS_ASKED = 'case "$*" in *--version) exit 0;; esac';

let state = "";
let releases = "";
let packaged = "";

function nodeOf(name: string, behaviour: Behaviour): string {
  return `#!/bin/sh\n${IS_ASKED}\necho "${name} as $CAUSEWAY_RELEASE" >>"$STATE/started"\n${BEHAVIOURS[behaviour]}\n`;
}

function artifactOf(
  name: string,
  behaviour: Behaviour,
  payload: string | Uint8Array = "// the agent",
): FetchedArtifact {
  const file = writeTarGz(join(state, `${name}.tar.gz`), [
    { name: "node", content: nodeOf(name, behaviour), mode: 0o755 },
    { name: "agent/main.js", content: payload },
  ]);
  const bytes = readFileSync(file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name, version: "1", sizeBytes: bytes.length, sha256, file };
}

const slotsOf = (running: string) => createSlots({ folder: releases, running });

async function install(artifact: FetchedArtifact, running = "packaged"): Promise<void> {
  const slots = slotsOf(running);
  await slots.stage(artifact, never);
  expect(await slots.activate(artifact)).toBe("restart");
}

/** Starts the script once, as the unit does. Gives the exit code, or the signal's name. */
function startOnce(): Promise<number | string> {
  const child = spawn(START, [state, packaged, "run"], {
    env: { PATH: process.env.PATH, STATE: state, CAUSEWAY_TRIAL_LOOK_SECONDS: "1", CAUSEWAY_TRIAL_SECONDS: "2" },
    stdio: "inherit",
  });
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? "")));
}

/** Starts it again for as long as it fails, as Restart=on-failure does; at most ten times. */
async function live(): Promise<number> {
  for (let starts = 1; starts <= 10; starts++) if ((await startOnce()) === 0) return starts;
  return 10;
}

const started = (): readonly string[] => readFileSync(join(state, "started"), "utf8").trim().split("\n");

beforeEach(() => {
  state = temporaryFolder();
  releases = join(state, "releases");
  packaged = join(state, "packaged");
  mkdirSync(join(packaged, "agent"), { recursive: true });
  writeFileSync(join(packaged, "agent/main.js"), "");
  writeFileSync(join(packaged, "node"), nodeOf("old", "good"));
  chmodSync(join(packaged, "node"), 0o755);
});

/** A setting of the unit, s. */
function unitSeconds(name: string): number {
  const unit = readFileSync(join(import.meta.dirname, "../../../systemd/causeway.service"), "utf8");
  return Number(new RegExp(`^${name}=(\\d+)$`, "m").exec(unit)?.[1]);
}

/** The old version must run again after this, s. */
const BACK_SECONDS = 300;

describe("the unit", () => {
  it("leaves a minute to start the old version in, after three starts of one that hangs", () => {
    const hungSeconds = unitSeconds("TimeoutStartSec") + unitSeconds("RestartSec");
    expect(3 * hungSeconds).toBeLessThanOrEqual(BACK_SECONDS - 60);
    const trialSeconds = Number(/TRIAL_SECONDS:-(\d+)/.exec(readFileSync(START, "utf8"))?.[1]);
    expect(3 * hungSeconds).toBeLessThan(trialSeconds);
    expect(trialSeconds + unitSeconds("RestartSec")).toBeLessThanOrEqual(BACK_SECONDS - 10);
  });
});

describe("the supervisor with its slots", () => {
  it("starts the packaged version while there is no other", async () => {
    expect(await live()).toBe(1);
    expect(started()).toEqual(["old as packaged"]);
  });

  it("starts a new version and lets it end its trial", async () => {
    const artifact = artifactOf("new", "good");
    await install(artifact);
    expect(await live()).toBe(1);
    expect(started()).toEqual([`new as ${artifact.sha256}`]);
    expect(await slotsOf(artifact.sha256).trial(artifact)).toEqual({ kind: "runs" });
    await slotsOf(artifact.sha256).commit(artifact);
    expect(await live()).toBe(1);
    expect(started()).toHaveLength(2);
    expect(statSync(join(releases, artifact.sha256)).mode & 0o777).toBe(0o700);
  });

  it("starts a version whose Node does not know the options of this one, without them", async () => {
    const refusing = '#!/bin/sh\ncase "$*" in *--max-semi-space-size*) exit 9;; esac\necho "$@" >>"$STATE/started"\n';
    writeFileSync(join(packaged, "node"), refusing);
    expect(await startOnce()).toBe(0);
    expect(started()).toEqual([`--disable-sigusr1 ${join(packaged, "agent/main.js")} run`]);
  });

  it("goes back by itself after three starts of a version that crashes", { timeout: 60_000 }, async () => {
    const artifact = artifactOf("new", "crashes");
    await install(artifact);
    expect(await live()).toBe(4);
    expect(started().map((line) => line.split(" ")[0])).toEqual(["new", "new", "new", "old"]);
    const slots = slotsOf("packaged");
    expect(await slots.trial(artifact)).toEqual({ kind: "rolled-back", detail: "3 starts" });
    expect(await slots.rollback(artifact)).toBe("at-once");
    expect(readdirSync(releases)).toEqual([]);
  });

  it("ends a version that hangs when its time is over, and goes back", { timeout: 60_000 }, async () => {
    const artifact = artifactOf("new", "hangs");
    await install(artifact);
    const begun = performance.now();
    expect(await live()).toBe(2);
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(await slotsOf("packaged").trial(artifact)).toEqual({
      kind: "rolled-back",
      detail: "not healthy within 2 s",
    });
  });

  it("counts the time of all starts together, and never lets one come back that has gone", {
    timeout: 60_000,
  }, async () => {
    const artifact = artifactOf("new", "runs without proof");
    await install(artifact);
    await live();
    expect(started().at(-1)).toBe("old as packaged");
    expect(await live()).toBe(1);
    expect(started().at(-1)).toBe("old as packaged");
  });

  it("goes back from one release to the release before it, not to the package", { timeout: 60_000 }, async () => {
    const first = artifactOf("first", "good");
    await install(first);
    await live();
    await slotsOf(first.sha256).commit(first);
    const second = artifactOf("second", "crashes");
    await install(second, first.sha256);
    expect(await live()).toBe(4);
    expect(started().at(-1)).toBe(`first as ${first.sha256}`);
    expect(readlinkSync(join(releases, "current"))).toBe(first.sha256);
  });

  it("goes back when the service manager has given up", async () => {
    const artifact = artifactOf("new", "crashes");
    await install(artifact);
    const goBack = (): Promise<number | null> =>
      new Promise((resolve) => spawn(START, ["--go-back", state]).once("exit", resolve));
    expect(await goBack()).toBe(0);
    expect(await slotsOf("packaged").trial(artifact)).toEqual({
      kind: "rolled-back",
      detail: "the service failed for good",
    });
    expect(await live()).toBe(1);
    expect(started()).toEqual(["old as packaged"]);
    expect(await goBack()).toBe(1);
  });

  it("finishes a way back that a power cut broke off, wherever it was", async () => {
    const artifact = artifactOf("new", "good");
    await install(artifact);
    writeFileSync(join(releases, "rolled-back"), `to=${artifact.sha256}\nreason=3 starts\n`);
    expect(await live()).toBe(1);
    expect(started()).toEqual(["old as packaged"]);
    expect(existsSync(join(releases, "trial"))).toBe(false);
    expect(existsSync(join(releases, "current"))).toBe(false);
  });

  it("starts the old version while a switch is noted but not made", async () => {
    const artifact = artifactOf("new", "good");
    await slotsOf("packaged").stage(artifact, never);
    writeFileSync(join(releases, "trial"), `to=${artifact.sha256}\nfrom=packaged\nstarts=0\n`);
    await startOnce();
    expect(started()).toEqual(["old as packaged"]);
    expect(await slotsOf("packaged").trial(artifact)).toEqual({ kind: "none" });
  });

  it("starts some version whatever stands in its files", async () => {
    mkdirSync(releases);
    symlinkSync("f".repeat(64), join(releases, "current"));
    for (const trial of [
      "",
      "\0\0\0",
      "to=x\nstarts=99999999999999999999\n",
      `to=${"f".repeat(64)}\nfrom=../..\nstarts=1\n`,
    ]) {
      writeFileSync(join(releases, "trial"), trial);
      await startOnce();
    }
    expect(started()).toHaveLength(4);
    expect(new Set(started())).toEqual(new Set(["old as packaged"]));
  });

  it("goes back from nothing when not even the folder could be made", async () => {
    const artifact = artifactOf("new", "good");
    expect(await slotsOf("packaged").rollback(artifact)).toBe("at-once");
    expect(await slotsOf("packaged").trial(artifact)).toEqual({ kind: "none" });
    expect(existsSync(releases)).toBe(false);
  });

  it("refuses an archive that could not start, and leaves nothing of it", async () => {
    const file = writeTarGz(join(state, "empty.tar.gz"), [{ name: "readme", content: "no program" }]);
    const bytes = readFileSync(file);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const artifact = { name: "empty", version: "1", sizeBytes: bytes.length, sha256, file };
    await expect(slotsOf("packaged").stage(artifact, never)).rejects.toMatchObject({ code: "update.unfit" });
    expect(readdirSync(releases)).toEqual([]);
  });

  it("lets 0 bytes of a tampered archive reach a slot, whichever byte it is", async () => {
    const artifact = artifactOf("new", "good");
    await expectTamperedRefused(
      artifact,
      Array.from({ length: artifact.sizeBytes }, (_, at) => at),
    );
  });

  it(`lets none of ${TAMPERED} tampered payloads reach a slot`, { timeout: 1_200_000 }, async () => {
    const random = seededRandom(11);
    const noise = Buffer.from(Array.from({ length: 20_000 }, () => Math.floor(random() * 256)));
    const artifact = artifactOf("new", "good", noise);
    const places = Array.from({ length: TAMPERED }, () => Math.floor(random() * artifact.sizeBytes));
    await expectTamperedRefused(artifact, places);
  });
});

/** Flips one bit of the byte at each place in turn. */
async function expectTamperedRefused(artifact: FetchedArtifact, places: readonly number[]): Promise<void> {
  const bytes = readFileSync(artifact.file);
  const slots = slotsOf("packaged");
  for (const at of places) {
    const flipped = Buffer.from(bytes);
    flipped[at] ^= 1 << (at % 8);
    writeFileSync(artifact.file, flipped);
    await expect(slots.stage(artifact, never)).rejects.toMatchObject({ code: "update.unfit" });
    expect(readdirSync(releases)).toEqual([]);
  }
  writeFileSync(artifact.file, bytes);
  await slots.stage(artifact, never);
  expect(readdirSync(releases)).toEqual([artifact.sha256]);
}

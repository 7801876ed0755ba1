import type { FetchedArtifact, InstallEffect, Installer, TrialStatus } from "../../../agent/ports/update.ts";
import type { StepContext, UpdateChecks } from "../../../agent/updates/step-parts.ts";
import { parseManifest } from "../../../agent/updates/trust/manifest.ts";
import type { UpdateRecord } from "../../../agent/updates/update-record.ts";
import { FIRST_STATE } from "../../../agent/updates/update-state.ts";
import { ManualClock } from "../core/clock.ts";
import { manifestDocument, testManifest } from "./signing.ts";
import { DIGEST, REQUEST } from "./update-vehicle.ts";

/** An update of two artifacts, "first" and "second", of 5 bytes each. */
export function twoArtifacts(source: "url" | "file" = "url"): UpdateRecord {
  const [artifact] = manifestDocument().artifacts;
  const names = ["first", "second"];
  const artifacts = names.map((name) => ({ ...artifact, name, kind: "exec", handler: "tool" }));
  const sourceOf = (name: string) =>
    source === "url"
      ? { kind: "url" as const, url: `https://example.com/${name}` }
      : { kind: "file" as const, path: `/${name}` };
  return {
    digest: DIGEST,
    versionFrom: "1.3.0",
    request: {
      ...REQUEST,
      manifest: new TextDecoder().decode(testManifest({ artifacts })),
      sources: Object.fromEntries(names.map((name) => [name, sourceOf(name)])),
    },
    state: FIRST_STATE,
  };
}

/** What steps work with, all of it willing; `calls` has what they did, in order. A test changes what it is about. */
export class FakeStepContext implements StepContext {
  readonly clock = new ManualClock();
  readonly calls: string[] = [];
  readonly progress = { bytes: 0, totalBytes: 0, waitingFor: undefined };
  readonly effects = new Map<string, InstallEffect>();
  trial: TrialStatus = { kind: "runs" };
  /** What the next call of the installer fails with. */
  fault: Error | undefined;
  readonly installer: Installer = {
    stage: async ({ name }) => this.#call(`stage ${name}`),
    activate: async (artifact) => this.#effectOf("activate", artifact),
    trial: async () => this.trial,
    commit: async ({ name }) => this.#call(`commit ${name}`),
    rollback: async (artifact) => this.#effectOf("rollback", artifact),
  };
  readonly installers = { exec: this.installer };
  downloader: StepContext["downloader"] = {
    download: async (_source, { name, sizeBytes }, onProgress) => {
      this.#call(`download ${name}`);
      onProgress(sizeBytes);
      return { kind: "complete" };
    },
  };
  readonly folder = {
    fileOf: (digest: string, name: string) => `${digest}/${name}`,
    digestOf: async () => manifestDocument().artifacts[0].sha256,
    clear: async () => this.#call("clear"),
  };
  hooks: StepContext["hooks"] = {
    before: async () => this.#hook("before"),
    after: async () => this.#hook("after"),
  };
  readonly rollbackIndexes: StepContext["rollbackIndexes"] = {
    installed: () => [],
    fault: () => undefined,
    advance: async ({ component, sequenceNumber }) => this.#call(`advance ${component} ${sequenceNumber}`),
    acknowledge: async () => undefined,
  };
  checks: UpdateChecks = {
    verify: ({ manifest }) => ({ kind: "accepted", manifest: parseManifest(manifest), digest: DIGEST }),
    gate: () => ({ kind: "open" }),
    link: async () => ({ kind: "open" }),
    health: () => ({ kind: "healthy" }),
    renew: async () => undefined,
    giveUpMs: 3_600_000,
    rollbackWithinMs: 600_000,
    healthTimeoutMs: 60_000,
  };

  #call(what: string): void {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== undefined) throw fault;
    this.calls.push(what);
  }

  #hook(name: string): undefined {
    this.#call(name);
    return undefined;
  }

  #effectOf(verb: string, { name }: FetchedArtifact): InstallEffect {
    this.#call(`${verb} ${name}`);
    return this.effects.get(name) ?? "at-once";
  }
}

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { composeOutbox } from "../../../agent/daemon/compose-storage.ts";
import { historyService } from "../../../agent/daemon/kept-history.ts";
import { MetricBook } from "../../../agent/daemon/metric-book.ts";
import { OutboxKey } from "../../../agent/daemon/outbox-key.ts";
import type { Runtime } from "../../../agent/daemon/parts.ts";
import { FrameBatch } from "../../../agent/ports/frame.ts";
import type { SecretSealer } from "../../../agent/ports/key-store.ts";
import { FrameHistory } from "../../../agent/telemetry/history/frame-history.ts";
import { HistoryFilter } from "../../../agent/telemetry/history/history-filter.ts";
import { type RestEncryption, restEncryption } from "../../../config/encryption.ts";
import { CHOICES } from "../../../config/example-values.ts";
import { type AgentConfig, agentConfig } from "../../../config/schema.ts";
import { draftOf, faultCodeOf } from "../../contract/outbox-subject.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const HEX = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/** A service in a folder, with the clock and the log of its process. */
class Service {
  readonly folder = temporaryFolder();
  readonly clock = new ManualClock();
  readonly log = new MemoryLog();
  readonly runtime: Runtime = {
    version: "0",
    bootId: "0".repeat(32),
    startedAtMs: 0,
    random: Math.random,
    metrics: new MetricBook(),
    clock: this.clock,
    log: this.log,
    environment: { CREDENTIALS_DIRECTORY: this.folder },
  };

  credential(text: string, name = "causeway-outbox-key"): void {
    writeFileSync(join(this.folder, name), text, { mode: 0o600 });
  }

  key(change: Partial<RestEncryption> = {}): OutboxKey {
    return new OutboxKey({ ...restEncryption.parse({ key: "credential" }), ...change }, this.runtime);
  }

  get config(): AgentConfig {
    const stateDir = join(this.folder, "state");
    mkdirSync(stateDir, { recursive: true });
    return agentConfig.parse({ ...CHOICES, stateDir, runtimeDir: this.folder });
  }
}

describe("the key of the outbox in a credential", () => {
  it("is read with or without a line end, under the name that is configured", () => {
    const service = new Service();
    service.credential(`${HEX}\n`);
    service.credential(HEX.toUpperCase(), "other");
    expect(service.key().cipher()?.keyId).toEqual(service.key({ credential: "other" }).cipher()?.keyId);
    expect(service.key({ encrypt: false }).cipher()?.encrypts).toBe(false);
    expect(new OutboxKey(undefined, service.runtime).cipher()).toBeUndefined();
  });

  it.each([
    ["is missing", undefined],
    ["is empty", ""],
    ["is too short", HEX.slice(2)],
    ["is a passphrase", "correct horse battery staple correct horse battery staple correct horse"],
  ])("is not at hand where it %s, and is not quoted", (_, text) => {
    const service = new Service();
    if (text !== undefined) service.credential(text);
    const fault = (() => {
      try {
        return service.key().cipher();
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(fault).toMatchObject({ code: "outbox.key-unavailable" });
    if (text !== undefined && text !== "") expect(String(fault)).not.toContain(text);
  });

  it("is refused where others may read it", () => {
    const service = new Service();
    writeFileSync(join(service.folder, "causeway-outbox-key"), HEX, { mode: 0o604 });
    expect(faultCodeOf(() => service.key().cipher())).toBe("outbox.key-exposed");
  });
});

describe("an outbox whose key is not at hand", () => {
  it("keeps records in memory, says why, writes nothing in clear, and takes them over when the key comes", () => {
    const service = new Service();
    const outbox = composeOutbox(service.config, service.key(), service.runtime);
    outbox.append([draftOf("event", 100)]);
    expect(outbox.stats().fault).toMatchObject({ code: "outbox.key-unavailable" });
    expect(existsSync(join(service.config.stateDir, "outbox.db"))).toBe(false);
    service.credential(HEX);
    service.clock.advance(6000);
    expect(outbox.stats().fault).toBeUndefined();
    expect(outbox.stats()).toMatchObject({ records: 1, encryption: { isOn: true } });
    expect(readFileSync(join(service.config.stateDir, "outbox.db-wal"), "latin1")).not.toContain("event 1");
    outbox.close();
  });

  it("tells a lost key once: in the log, in the state, and to whom it may concern", async () => {
    const service = new Service();
    service.credential(HEX);
    const first = composeOutbox(service.config, service.key(), service.runtime);
    first.append([draftOf("event", 100)]);
    first.close();
    service.credential("ff".repeat(32));
    const key = service.key();
    const outbox = composeOutbox(service.config, key, service.runtime);
    const told: string[] = [];
    key.tellTo((what) => told.push(what));
    await Promise.resolve();
    expect(told).toEqual(["its payloads are encrypted with another key than that of outbox.encryption"]);
    expect(outbox.stats().encryption).toMatchObject({ isOn: true, lost: { code: "outbox.key-lost" } });
    expect(service.log.entries.map(({ event }) => event)).toContain("outbox.key-lost");
    outbox.close();
  });
});

describe("the history of frames", () => {
  it("is kept encrypted over a stop, and is lost without its key", async () => {
    const service = new Service();
    service.credential(HEX);
    const buses = [{ name: "can0", driver: "native", interface: "can0" }] as const;
    const campaigns = { history: { keepSeconds: 60 } };
    const { stateDir } = service.config;
    const config = agentConfig.parse({ ...CHOICES, buses, campaigns, stateDir, runtimeDir: service.folder });
    const history = (): FrameHistory => {
      const empty = new FrameHistory({ maxBytes: 1_000_000, buses: 1 });
      empty.use(new HistoryFilter([{ kind: "bus", bus: 0 }]), 1000);
      return empty;
    };
    const full = history();
    const batch = new FrameBatch(1);
    batch.push(0x123, 0, Buffer.from("SECRETxx"), 1_767_225_600_000_000);
    full.push(0, batch, 0);
    await historyService(full, config, service.key(), service.log).stop();
    const file = join(config.stateDir, "history.bin");
    const kept = readFileSync(file);
    expect(kept.includes("SECRET")).toBe(false);
    for (const [key, event] of [
      [service.key(), "history.resumed"],
      [undefined, "history.unusable"],
      [service.key({ credential: "missing" }), "history.unusable"],
    ] as const) {
      writeFileSync(file, kept);
      const log = new MemoryLog();
      await historyService(history(), config, key, log).start();
      expect(log.entries.map(({ event: name }) => name)).toEqual([event]);
    }
  });
});

/** A TPM that may be away, and that knows what it has sealed. */
class FakeSealer implements SecretSealer {
  readonly #sealed = new Map<string, string>();
  isAway = false;

  get secrets(): readonly string[] {
    return [...this.#sealed.values()];
  }

  async seal(secret: string): ReturnType<SecretSealer["seal"]> {
    if (this.isAway) throw new AgentError("identity.tpm-absent", { what: "no TPM", remedy: "find it" });
    const salt = randomBytes(32).toString("hex");
    this.#sealed.set(salt, secret);
    return { publicBlob: "AA==", privateBlob: "AA==", salt };
  }

  async unseal({ salt }: Parameters<SecretSealer["unseal"]>[0]): Promise<string> {
    if (this.isAway) throw new AgentError("identity.tpm-absent", { what: "no TPM", remedy: "find it" });
    const secret = this.#sealed.get(salt);
    if (secret === undefined) throw new AgentError("identity.key-unfit", { what: "not mine", remedy: "none" });
    return secret;
  }
}

describe("the key of the outbox that a TPM seals", () => {
  const settings = { key: "tpm" } as const;

  it("is made once and is the same after a restart; the file does not hold it", async () => {
    const service = new Service();
    const sealer = new FakeSealer();
    const file = join(service.folder, "outbox.key");
    const keys = [service.key(settings), service.key(settings)];
    for (const key of keys) await key.load(sealer, file);
    expect(keys[0].cipher()?.keyId).toEqual(keys[1].cipher()?.keyId);
    expect(sealer.secrets).toHaveLength(1);
    expect(readFileSync(file, "utf8")).not.toContain(sealer.secrets[0]);
  });

  it("comes later where the TPM is away at the start, and not before it is asked again", async () => {
    const service = new Service();
    const sealer = new FakeSealer();
    sealer.isAway = true;
    const key = service.key(settings);
    await key.load(sealer, join(service.folder, "outbox.key"));
    expect(() => key.cipher()).toThrow("the TPM does not give it: no TPM");
    sealer.isAway = false;
    await settled();
    service.clock.advance(30_000);
    await settled();
    expect(key.cipher()?.encrypts).toBe(true);
  });

  it.each([
    ["another TPM sealed it", (file: string, service: Service) => service.key(settings).load(new FakeSealer(), file)],
    ["its file is damaged", (file: string) => Promise.resolve(writeFileSync(file, "{"))],
    [
      "a letter in its file has changed",
      async (file: string, service: Service, sealer: SecretSealer) => {
        await service.key(settings).load(sealer, file);
        writeFileSync(file, readFileSync(file, "utf8").replace("AA==", "AQ=="));
      },
    ],
  ])("is another where %s, and what lay there is kept beside it", async (_, spoil) => {
    const service = new Service();
    const sealer = new FakeSealer();
    const file = join(service.folder, "outbox.key");
    await spoil(file, service, sealer);
    const before = readFileSync(file, "utf8");
    const key = service.key(settings);
    await key.load(sealer, file);
    expect(key.cipher()).toBeDefined();
    expect(readFileSync(`${file}.lost`, "utf8")).toBe(before);
    expect(service.log.entries.map(({ event }) => event)).toContain("outbox.key-replaced");
  });
});

/** Lets everything go on that waits for nothing but its turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

import { cpSync, existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { LedgerSeal } from "../../../agent/commands/ledger-seal.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { Journal } from "../../../agent/ports/journal.ts";
import type { MonotonicCounter } from "../../../agent/ports/update.ts";
import { createRollbackIndexFile } from "../../../drivers/os/versions/update-files.ts";
import { openJournal } from "../../../drivers/sqlite/journal/journal.ts";
import { CommandBench } from "../../fakes/commands/command-bench.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const BOUNDS = { maxCommands: 100, maxReads: 100, maxRefused: 10, keepMs: 3_600_000, reserveBytes: 0 } as const;
const ACTIONS = { "doors.lock": { commandClass: "R3" }, "config.set": { commandClass: "R1" } } as const;
const GENERATION_2 = 2 ** 45;

/** A counter in a TPM. */
class Tpm implements MonotonicCounter {
  value: number | undefined;
  isBroken = false;

  async read(): Promise<number | undefined> {
    if (this.isBroken) throw new AgentError("identity.tpm-absent", { what: "no TPM", remedy: "none" });
    return this.value;
  }

  async define(): Promise<void> {
    this.value = 1;
  }

  async advance(): Promise<void> {
    this.value = (this.value ?? 0) + 1;
  }
}

/** A vehicle over its starts: one disk, one key, one clock. */
class Vehicle {
  readonly folder = temporaryFolder();
  readonly key = signingKey("ops");
  readonly root = signingKey("root", "ed25519", "keys");
  readonly tpm: Tpm | undefined;
  bench = new CommandBench();
  #journal: Journal | undefined;
  #sent = 0;

  constructor(tpm?: Tpm) {
    this.tpm = tpm;
  }

  /** Ends what runs, lets `between` happen to the disk, and starts again. Gives why what acts is refused. */
  async start(between: () => void = () => undefined): Promise<string | undefined> {
    this.stop();
    between();
    const { clock } = this.bench;
    const log = new MemoryLog();
    const journal = openJournal({ ...BOUNDS, file: this.at("journal.db"), clock, log });
    this.#journal = journal;
    const copy = createRollbackIndexFile(this.folder, "ledger-seal.json");
    let ids = 0;
    const newId = () => `${this.#sent}-${(ids += 1)}-${journal.stats().commands}`;
    this.seal = await LedgerSeal.open({ journal, copy, counter: this.tpm, newId, log });
    const pinned = [this.key.pinned, this.root.pinned];
    this.bench = new CommandBench({ clock, journal, seal: this.seal, key: this.key, pinned, actions: ACTIONS });
    return this.bench.ledger.fault();
  }

  seal: LedgerSeal | undefined;

  stop(): void {
    this.#journal?.close();
    this.#journal = undefined;
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** A command as someone captures it. */
  command(counter: number, action = "doors.lock"): Record<string, unknown> {
    this.#sent += 1;
    return this.bench.signed(action, { id: `c-${this.#sent}`, counter });
  }

  async send(body: unknown): Promise<string> {
    return await this.bench.outcome(body, { id: `e-${(this.#sent += 1)}` });
  }

  copyTo(name: string, files: readonly string[]): void {
    for (const file of files) if (existsSync(this.at(file))) cpSync(this.at(file), this.at(`${name}.${file}`));
  }

  putBack(name: string, files: readonly string[]): void {
    for (const file of files) cpSync(this.at(`${name}.${file}`), this.at(file));
  }
}

const vehicles: Vehicle[] = [];
afterEach(() => {
  for (const vehicle of vehicles.splice(0)) vehicle.stop();
});

/** Where the file system would make the new second place. */
const NEXT = ".ledger-seal.json.next";

async function started(tpm?: Tpm): Promise<Vehicle> {
  const vehicle = new Vehicle(tpm);
  vehicles.push(vehicle);
  expect(await vehicle.start()).toBeUndefined();
  return vehicle;
}

describe("the seal of the ledger", () => {
  it.each([
    ["without a counter", () => undefined],
    ["with one", () => new Tpm()],
  ])("is not taken for lost when its first start could not write the second place, %s", async (_, tpm) => {
    const vehicle = new Vehicle(tpm());
    vehicles.push(vehicle);
    expect(await vehicle.start(() => mkdirSync(vehicle.at(NEXT)))).toMatch(/cannot be used/);
    expect(await vehicle.send(vehicle.command(1))).toBe("REJECTED LEDGER_UNREADABLE");
    expect(await vehicle.start(() => rmdirSync(vehicle.at(NEXT)))).toBeUndefined();
    expect(await vehicle.send(vehicle.command(2))).toBe("SUCCEEDED");
    expect(await vehicle.start()).toBeUndefined();
  });

  it("is not taken for lost when its first start ended while the counter was made", async () => {
    const tpm = new Tpm();
    const vehicle = new Vehicle(tpm);
    vehicles.push(vehicle);
    tpm.define = async () => {
      tpm.value = 1;
      throw new AgentError("identity.tpm-absent", { what: "a power cut", remedy: "none" });
    };
    expect(await vehicle.start()).toMatch(/a power cut/);
    expect(await vehicle.start()).toBeUndefined();
  });

  it("changes nothing over good starts, cuts between its two places included", async () => {
    const vehicle = await started(new Tpm());
    for (let count = 1; count <= 3; count += 1) {
      expect(await vehicle.send(vehicle.command(count))).toBe("SUCCEEDED");
      vehicle.copyTo("before", ["ledger-seal.json"]);
      expect(await vehicle.send(vehicle.command(count + 10))).toBe("SUCCEEDED");
      expect(await vehicle.start(() => vehicle.putBack("before", ["ledger-seal.json"]))).toBeUndefined();
      expect(await vehicle.start()).toBeUndefined();
    }
  });

  it.each([
    ["the journal is damaged", (vehicle: Vehicle) => writeFileSync(vehicle.at("journal.db"), "x".repeat(8192))],
    [
      "the journal is gone with its marker",
      (vehicle: Vehicle) => {
        rmSync(vehicle.at("journal.db"));
        rmSync(vehicle.at("journal.db.made"));
      },
    ],
    ["an old copy of the journal is put back", (vehicle: Vehicle) => vehicle.putBack("old", ["journal.db"])],
  ])(
    "refuses what acts when %s, and takes no signature from before once that is acknowledged",
    async (_what, spoil) => {
      const vehicle = await started();
      await vehicle.start(() => vehicle.copyTo("old", ["journal.db"]));
      const captured = vehicle.command(5);
      expect(await vehicle.send(captured)).toBe("SUCCEEDED");
      expect(await vehicle.start(() => spoil(vehicle))).toMatch(/lost; someone must acknowledge/);
      expect(await vehicle.send(captured)).toBe("REJECTED LEDGER_UNREADABLE");
      expect(await vehicle.send(vehicle.command(6, "config.set"))).toBe("REJECTED LEDGER_UNREADABLE");
      expect(await vehicle.start()).toMatch(/lost/);
      await vehicle.seal?.acknowledge();
      expect(await vehicle.send({ ...captured })).toMatch(/^REJECTED (COUNTER_REPLAYED|LEDGER_UNREADABLE)$/);
      expect(await vehicle.send(vehicle.command(7))).toBe("REJECTED COUNTER_REPLAYED");
      expect(await vehicle.send(vehicle.command(GENERATION_2 + 1))).toBe("SUCCEEDED");
      expect(vehicle.bench.acts).toEqual(["doors.lock"]);
      expect(await vehicle.start()).toBeUndefined();
      expect(await vehicle.send(vehicle.command(GENERATION_2 + 2))).toBe("SUCCEEDED");
    },
  );

  it("keeps a pinned key revoked over the loss of the journal", async () => {
    const vehicle = await started();
    const { seal, bench } = vehicle;
    expect(await bench.keys.replace({ version: 1, keys: [], revoked: ["ops"] })).toBe(true);
    expect(await vehicle.start(() => rmSync(vehicle.at("journal.db")))).toMatch(/lost/);
    expect(vehicle.seal).not.toBe(seal);
    await vehicle.seal?.acknowledge();
    expect(await vehicle.send(vehicle.command(GENERATION_2 + 1))).toBe("REJECTED KEY_REVOKED");
    expect(await vehicle.bench.keys.replace({ version: 1, keys: [], revoked: [] })).toBe(false);
  });

  it("takes the loss of the second place alone for what it may hide", async () => {
    const vehicle = await started();
    expect(await vehicle.start(() => rmSync(vehicle.at("ledger-seal.json")))).toMatch(/lost/);
  });

  it("finds out by the TPM that both places were put back, or are gone", async () => {
    const files = ["journal.db", "journal.db.made", "ledger-seal.json"];
    const vehicle = await started(new Tpm());
    await vehicle.start(() => vehicle.copyTo("old", files));
    expect(await vehicle.bench.keys.replace({ version: 1, keys: [], revoked: ["ops"] })).toBe(true);
    expect(await vehicle.start(() => vehicle.putBack("old", files))).toMatch(/lost/);
    await vehicle.seal?.acknowledge();
    expect(await vehicle.start()).toBeUndefined();
    expect(await vehicle.start(() => files.forEach((file) => rmSync(vehicle.at(file))))).toMatch(/lost/);
  });

  it("refuses what acts while the TPM cannot be asked, and goes on when it can", async () => {
    const tpm = new Tpm();
    const vehicle = await started(tpm);
    tpm.isBroken = true;
    expect(await vehicle.start()).toMatch(/cannot be used: no TPM/);
    expect(await vehicle.send(vehicle.command(1))).toBe("REJECTED LEDGER_UNREADABLE");
    tpm.isBroken = false;
    expect(await vehicle.start()).toBeUndefined();
    expect(await vehicle.send(vehicle.command(2))).toBe("SUCCEEDED");
  });

  it("does not act where the second place cannot be written", async () => {
    const vehicle = await started();
    rmSync(vehicle.folder, { recursive: true });
    writeFileSync(vehicle.folder, "");
    expect(await vehicle.send(vehicle.command(1))).toBe("REJECTED LEDGER_UNREADABLE");
    expect(vehicle.bench.acts).toEqual([]);
    rmSync(vehicle.folder);
  });
});

import { generateKeyPairSync } from "node:crypto";
import { CommandBook } from "../../../agent/companion/commands/command-book.ts";
import { fileSigner } from "../../../agent/companion/commands/file-signer.ts";
import type { CommandRoad, RoadOutcome, RoadRequest } from "../../../agent/companion/road/command-road.ts";
import { MemoryAnswers } from "../../../agent/companion/store/memory-answers.ts";
import { MemoryRows } from "../../../agent/companion/store/memory-rows.ts";
import type { KnownValue, Presence, VehicleFacts } from "../../../agent/companion/vehicle/vehicle-facts.ts";
import type { PublicKey } from "../../../agent/core/public-key.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";

/** A road that keeps what it was given. */
export class FakeRoad implements CommandRoad {
  readonly sent: RoadRequest[] = [];
  outcome: RoadOutcome = "sent";

  async send(request: RoadRequest): Promise<RoadOutcome> {
    this.sent.push(request);
    return this.outcome;
  }
}

/** Facts that a test sets. */
export class FakeFacts implements VehicleFacts {
  state: Presence["state"] | undefined = "online";
  values: readonly KnownValue[] = [];

  async presence(): Promise<Presence | undefined> {
    return this.state === undefined ? undefined : { state: this.state, at: "2026-01-01T00:00:00Z" };
  }

  async latest(): Promise<readonly KnownValue[]> {
    return this.values;
  }
}

/** What the books of several backends share, and a key made for the test. */
export class FakeOutside {
  readonly clock = new ManualClock();
  readonly rows = new MemoryRows();
  readonly answers = new MemoryAnswers();
  readonly road = new FakeRoad();
  readonly facts = new FakeFacts();
  readonly log = new MemoryLog();
  readonly pinned: PublicKey;
  readonly #privateKey: string;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.#privateKey = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    const spki = publicKey.export({ format: "der", type: "spki" }).toString("base64");
    this.pinned = { id: "companion", algorithm: "ed25519", publicKey: spki, role: "commands" };
  }

  /** The book of one backend. */
  book(): CommandBook {
    const { rows, answers, road, facts, clock, log } = this;
    return new CommandBook({
      rows,
      answers,
      facts,
      road,
      clock,
      log,
      signer: fileSigner("companion", this.#privateKey),
    });
  }
}

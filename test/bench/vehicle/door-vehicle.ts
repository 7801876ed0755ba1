import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { SignedFields } from "../../../agent/commands/canonical.ts";
import { EVERY_FRAME } from "../../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { ERROR_CLASS } from "../../../drivers/can/error-state.ts";
import { createSocketcandBus } from "../../../drivers/can/socketcand-bus.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { type SigningKey, signingKey } from "../../fakes/commands/signing-key.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { writeIdentity } from "../cloud/certificate-authority.ts";
import { DoorUnit } from "./door-unit.ts";
import { type Hub, startHub } from "./socketcand-hub.ts";

const CONFIG = join(import.meta.dirname, "../../../config");
/** Frames of one actuation in the example catalogue. */
export const FRAMES = 3;

/** Where a vehicle's configuration lies, and its view socket. */
export type VehicleHome = {
  readonly folder: string;
  readonly config: string;
  readonly dbc: string;
  readonly socket: string;
};

/** A signed request of ours. */
export type SignedRequest = SignedFields & {
  readonly schemaVersion: 1;
  readonly signature: ReturnType<SigningKey["sign"]>;
};

/** A vehicle with a door control unit on its bus, the example catalogue, and the cloud that commands it; the agent is not started. */
export class DoorVehicle {
  readonly thing: string;
  readonly key = signingKey("operations");
  readonly cloud: CommandCloud;
  readonly unit: DoorUnit;
  readonly #hub: Hub;
  readonly #folder: string;
  #counter = 0;

  private constructor(folder: string, thing: string, cloud: CommandCloud, hub: Hub, unit: DoorUnit) {
    this.#folder = folder;
    this.thing = thing;
    this.cloud = cloud;
    this.#hub = hub;
    this.unit = unit;
  }

  /** Starts the broker with its cloud, the bus and the unit; `folder` keeps what they need. */
  static async start(folder: string, thing: string): Promise<DoorVehicle> {
    const cloud = await startCommandCloud(folder, [thing]);
    const hub = await startHub();
    const at = { name: "unit", host: "127.0.0.1", port: hub.port, interface: "can0", filters: EVERY_FRAME };
    const parts = { clock: systemClock(), log: new MemoryLog(), random: () => 0.5 };
    const unit = await DoorUnit.start(createSocketcandBus(at, parts));
    return new DoorVehicle(folder, thing, cloud, hub, unit);
  }

  /** Every controller on the bus leaves it; a frame that is still on its way counts as their return, so say it until it is so. */
  busOff(): void {
    this.#hub.inject("can0", errorFrame(ERROR_CLASS.busOff));
  }

  /** Every controller is restarted. */
  busBack(): void {
    this.#hub.inject("can0", errorFrame(ERROR_CLASS.restarted));
  }

  async stop(): Promise<void> {
    await this.unit.stop();
    await this.#hub.stop();
    await this.cloud.stop();
  }

  /** Writes a configuration; `change` alters it before. Each has its own state. */
  async home(change: (config: Record<string, unknown>) => void = () => undefined): Promise<VehicleHome> {
    const folder = mkdtempSync(join(this.#folder, "vehicle-"));
    const issued = await this.cloud.authority.issue({ commonName: this.thing, usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(folder, this.thing, issued);
    const { host, port, caFile } = this.cloud.mosquitto;
    const config: Record<string, unknown> = {
      thingName: this.thing,
      bench: true,
      stateDir: join(folder, "state"),
      runtimeDir: join(folder, "run"),
      broker: { host, port, caFile, reconnect: { minMs: 100, maxMs: 1000 } },
      identity: { mode: "file", certificateFile, keyFile },
      buses: [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port: this.#hub.port, interface: "can0" }],
      dbc: [{ file: "doors.dbc" }],
      commands: { policyFile: "policy.yaml", catalogueFile: "catalogue.yaml" },
    };
    change(config);
    mkdirSync(join(folder, "run"));
    copyFileSync(join(CONFIG, "bench-doors.dbc"), join(folder, "doors.dbc"));
    copyFileSync(join(CONFIG, "catalogue.example.yaml"), join(folder, "catalogue.yaml"));
    const allow = [{ action: "*", ratePerMinute: 6000 }];
    writeFileSync(join(folder, "policy.yaml"), stringify({ schemaVersion: 1, keys: [this.key.pinned], allow }));
    const file = join(folder, "agent.yaml");
    writeFileSync(file, stringify(config));
    return { folder, config: file, dbc: join(folder, "doors.dbc"), socket: join(folder, "run", "view.sock") };
  }

  /** A request that would be carried out now; `change` is signed too. */
  signed(action: string, change: Partial<SignedFields> = {}): SignedRequest {
    this.#counter += 1;
    const nowMs = Date.now();
    const fields: SignedFields = {
      id: `id-${this.#counter}`,
      thing: this.thing,
      action,
      arguments: {},
      notBeforeMs: nowMs - 5000,
      expiresAtMs: nowMs + 60_000,
      counter: this.#counter,
      ...change,
    };
    return { schemaVersion: 1, ...fields, signature: this.key.sign(fields) };
  }
}

function errorFrame(errorClass: number): CanFrame {
  return { id: errorClass, flags: FRAME_FLAG.error, data: new Uint8Array(8), receivedAtUs: 0 };
}

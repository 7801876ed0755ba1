import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { z } from "zod";
import type { PublicKey } from "../../../agent/core/public-key.ts";
import { readStatus } from "../agent/agent-client.ts";
import { type AppUser, CompanionApp } from "../cloud/companion-app.ts";
import { type Child, startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";
import { DoorVehicle, type VehicleHome } from "./door-vehicle.ts";

const PROGRAM = fileURLToPath(new URL("../../../scripts/causeway", import.meta.url));
const THING = "bench-truck";
const PATIENCE_MS = 30_000;

/** The vehicle of the people below, as the app names it. */
export const VEHICLE_ID = "bench-vehicle-1";

/** People of a bench; their passwords are made for it. Bob's vehicle is not there: it is somebody else's. */
export function benchUsers(name = "Bench truck"): readonly [anna: AppUser, bob: AppUser] {
  const password = (): string => randomBytes(6).toString("hex");
  return [
    { user: "anna", password: password(), name: "Anna", vehicles: [vehicle(VEHICLE_ID, THING, name)] },
    { user: "bob", password: password(), name: "Bob", vehicles: [vehicle("bench-vehicle-2", "other-truck", "Van")] },
  ];
}

function vehicle(id: string, thing: string, name: string): AppUser["vehicles"][number] {
  return { id, thing, name, role: "owner" };
}

/** A vehicle with a door control unit, its agent, and the companion app that commands it. */
export class AppVehicle {
  readonly vehicle: DoorVehicle;
  readonly app: CompanionApp;
  readonly #home: VehicleHome;
  readonly #folder: string;
  #agent: Child | undefined;

  private constructor(folder: string, parts: { vehicle: DoorVehicle; app: CompanionApp; home: VehicleHome }) {
    this.#folder = folder;
    this.vehicle = parts.vehicle;
    this.app = parts.app;
    this.#home = parts.home;
  }

  /** Starts all of it in `folder`; what was started is stopped again where something does not come up. */
  static async start(folder: string, users: readonly AppUser[]): Promise<AppVehicle> {
    const vehicle = await DoorVehicle.start(folder, THING);
    let started: { readonly stop: () => Promise<void> } = vehicle;
    try {
      const { authority, mosquitto } = vehicle.cloud;
      const home = await vehicle.home();
      const app = await CompanionApp.start({ folder, authority, mosquitto, users });
      const running = new AppVehicle(folder, { vehicle, app, home });
      started = running;
      pin(home, app.pinned);
      await running.wake();
      return running;
    } catch (thrown) {
      await started.stop();
      throw thrown;
    }
  }

  /** Starts the agent, and waits until it is online and hears its bus. */
  async wake(): Promise<void> {
    const args = ["run", "--config", this.#home.config];
    this.#agent = await startChild({ command: PROGRAM, args, logFile: join(this.#folder, "agent.log") });
    const isReady = async (): Promise<true | undefined> => {
      const now = await readStatus(this.#home.socket);
      return now?.link.state === "online" && (now.buses[0]?.decoded ?? 0) > 2 ? true : undefined;
    };
    await until(isReady, { what: "the vehicle is online and hears its bus", timeoutMs: PATIENCE_MS });
  }

  /** Stops the agent in order, as a vehicle does that falls asleep. */
  async sleep(): Promise<void> {
    await this.#agent?.stop(10_000);
  }

  async stop(): Promise<void> {
    await this.#agent?.stop();
    await this.app.stop();
    await this.vehicle.stop();
  }
}

/** Lets a key sign commands to a vehicle that has not started yet. */
function pin({ folder }: VehicleHome, key: PublicKey): void {
  const file = join(folder, "policy.yaml");
  const policy = z.looseObject({ keys: z.array(z.unknown()) }).parse(parse(readFileSync(file, "utf8")));
  writeFileSync(file, stringify({ ...policy, keys: [...policy.keys, key] }));
}

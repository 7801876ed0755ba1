import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { readStatus } from "../agent/agent-client.ts";
import { writeIdentity } from "../cloud/certificate-authority.ts";
import { type Child, startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";
import { type OpenBus, openBus } from "./bench-bus-open.ts";
import { type EcusProcess, startEcus } from "./ecus/ecus-client.ts";

const PROGRAM = fileURLToPath(new URL("../../../scripts/causeway", import.meta.url));
const CATALOGUE = fileURLToPath(new URL("../../../config/ecus.example.yaml", import.meta.url));
const THING = "bench-truck";
const PATIENCE_MS = 60_000;
/** Often enough for a demonstration; 5 s is the least that a configuration may say. */
const CODES_EVERY_SECONDS = 5;
/** Silence after another tester. */
export const SILENCE_SECONDS = 5;

/** A vehicle with an OBD engine and gearbox, a UDS body controller and a truck's engine on one bus, and its agent with diagnostics. */
export class DiagnosedVehicle {
  readonly cloud: CommandCloud;
  readonly ecus: EcusProcess;
  readonly label: string;
  readonly #folder: string;
  readonly #bus: OpenBus;
  #agent: Child | undefined;

  private constructor(folder: string, parts: { cloud: CommandCloud; ecus: EcusProcess; bus: OpenBus }) {
    this.#folder = folder;
    this.cloud = parts.cloud;
    this.ecus = parts.ecus;
    this.#bus = parts.bus;
    this.label = parts.bus.label;
  }

  /** Starts all of it in `folder` but for the agent. What was started is stopped again where something does not come up. */
  static async start(folder: string): Promise<DiagnosedVehicle> {
    const stops: (() => Promise<void>)[] = [];
    try {
      const cloud = await startCommandCloud(folder, [THING]);
      stops.push(() => cloud.stop());
      const bus = await openBus(folder);
      stops.push(() => bus.close());
      const ecus = await startEcus(
        { bus: bus.bus, obdIds: 11, bodyFrameBytes: 8, isTruck: true, isParked: true },
        folder,
      );
      const vehicle = new DiagnosedVehicle(folder, { cloud, ecus, bus });
      await vehicle.#configure();
      return vehicle;
    } catch (thrown) {
      for (const stop of stops.toReversed()) await stop();
      throw thrown;
    }
  }

  get outboxFile(): string {
    return join(this.#folder, "state", "outbox.db");
  }

  /** Starts the agent and waits until it is online. */
  async wake(): Promise<void> {
    const args = ["run", "--config", join(this.#folder, "agent.yaml")];
    const agent = await startChild({ command: PROGRAM, args, logFile: join(this.#folder, "agent.log") });
    this.#agent = agent;
    const isOnline = async (): Promise<true | undefined> => {
      if (agent.hasEnded()) throw new Error(`the agent has ended, see ${this.#folder}/agent.log`);
      const now = await readStatus(join(this.#folder, "run", "view.sock"));
      return now?.link.state === "online" ? true : undefined;
    };
    await until(isOnline, { what: "the vehicle is online", timeoutMs: PATIENCE_MS });
  }

  /** SIGKILL, as when power goes. */
  async kill(): Promise<void> {
    this.#agent?.signal("SIGKILL");
    await this.#agent?.ended;
  }

  /** Stops the agent in order. */
  async sleep(): Promise<void> {
    await this.#agent?.stop(20_000);
  }

  async stop(): Promise<void> {
    await this.#agent?.stop();
    await this.ecus.stop();
    await this.#bus.close();
    await this.cloud.stop();
  }

  async #configure(): Promise<void> {
    const { authority, mosquitto } = this.cloud;
    const issued = await authority.issue({ commonName: THING, usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(this.#folder, THING, issued);
    const { host, port, caFile } = mosquitto;
    const { bus } = this.#bus;
    mkdirSync(join(this.#folder, "run"));
    copyFileSync(CATALOGUE, join(this.#folder, "ecus.yaml"));
    const config = {
      thingName: THING,
      bench: true,
      stateDir: join(this.#folder, "state"),
      runtimeDir: join(this.#folder, "run"),
      broker: { host, port, caFile, reconnect: { minMs: 100, maxMs: 1000 } },
      identity: { mode: "file", certificateFile, keyFile },
      buses: [
        bus.kind === "vcan"
          ? { name: "can0", driver: "native", interface: bus.interface }
          : { name: "can0", driver: "socketcand", host: bus.host, port: bus.port, interface: bus.interface },
      ],
      diagnostics: DIAGNOSTICS,
    };
    writeFileSync(join(this.#folder, "agent.yaml"), stringify(config), { mode: 0o600 });
  }
}

const DIAGNOSTICS = {
  catalogueFile: "ecus.yaml",
  codes: { appearSeconds: 1, healSeconds: 3 },
  buses: [
    {
      bus: "can0",
      transmit: { condition: "always", requestsPerSecond: 50, silenceSeconds: SILENCE_SECONDS },
      obd: {
        codesEverySeconds: CODES_EVERY_SECONDS,
        signals: [{ pids: ["engine_speed", "vehicle_speed"], everyMs: 500 }],
      },
      uds: { ecus: ["body"], codesEverySeconds: CODES_EVERY_SECONDS },
    },
  ],
};

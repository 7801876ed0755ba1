import { join } from "node:path";
import { z } from "zod";
import { vehicleSleep } from "../../../agent/local-api/sleep-schema.ts";
import { type Status, statusSchema } from "../../../agent/local-api/status-schema.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { TcpProxy } from "../broker/tcp-proxy.ts";
import { type Child, startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";
import { DoorVehicle, type VehicleHome } from "./door-vehicle.ts";

const PROGRAM = join(import.meta.dirname, "../../../scripts/causeway");
const THING = "veh-1";
const PATIENCE_MS = 20_000;
const presence = z.object({ state: z.string(), reason: z.string().optional(), nextCheckInAt: z.string().optional() });
const logLine = z.object({ event: z.string() });

/** The least time awake that the configuration takes. Keep-alive is so long that it finds no dead connection in time. */
const POWER = {
  sleep: { minAwakeSeconds: 5, budgetMs: 5000, quietBusSeconds: 1 },
  wake: { checkIns: { everyHours: 1 }, wakesPerDay: 1000 },
};
const KEEP_ALIVE_SECONDS = 1200;

/** What came at the cloud side, in its order, with the time it came (performance.now). */
export type Arrival = { readonly atMs: number; readonly what: "online" | "asleep" | "lost" | "record" };

/** A vehicle with a door unit whose agent sleeps, its broker behind a proxy that can let connections die, and the cloud side. */
export class SleepingVehicle {
  readonly doors: DoorVehicle;
  readonly proxy: TcpProxy;
  readonly arrivals: Arrival[] = [];
  /** Farewells and other presences as they were said. */
  readonly said: z.infer<typeof presence>[] = [];
  readonly #cloud: Broker;
  readonly #home: VehicleHome;
  readonly #agents: Child[] = [];
  /** Events of the agent's log, of the newest agent. */
  events: string[] = [];

  private constructor(doors: DoorVehicle, proxy: TcpProxy, cloud: Broker, home: VehicleHome) {
    this.doors = doors;
    this.proxy = proxy;
    this.#cloud = cloud;
    this.#home = home;
  }

  /** `folder` keeps everything. No agent runs yet. */
  static async start(folder: string): Promise<SleepingVehicle> {
    const doors = await DoorVehicle.start(folder, THING);
    const { host, port } = doors.cloud.mosquitto;
    const proxy = new TcpProxy({ host, port });
    const proxyPort = await proxy.start();
    const cloud = await doors.cloud.sessionAs("consumer");
    const home = await doors.home((config) => {
      config["power"] = POWER;
      const broker = z.looseObject({}).parse(config["broker"]);
      config["broker"] = { ...broker, port: proxyPort, keepAliveSeconds: KEEP_ALIVE_SECONDS };
    });
    const vehicle = new SleepingVehicle(doors, proxy, cloud, home);
    cloud.start();
    await cloud.online(AbortSignal.timeout(PATIENCE_MS));
    await cloud.subscribe(`dt/causeway/${THING}/+`, ({ topic, payload }) => vehicle.#arrived(topic, payload));
    return vehicle;
  }

  /** Starts an agent, and waits until it is online and hears its bus. */
  async startAgent(): Promise<Child> {
    this.events = [];
    const { events } = this;
    const agent = await startChild({
      command: PROGRAM,
      args: ["run", "--config", this.#home.config],
      logFile: join(this.#home.folder, "stderr.log"),
      onLine: (line) => void events.push(logLine.safeParse(jsonOf(line)).data?.event ?? ""),
    });
    this.#agents.push(agent);
    await this.until("the agent is online and hears its bus", async () => {
      const { link, buses } = await this.status();
      return link.state === "online" && (buses[0]?.decoded ?? 0) > 2;
    });
    return agent;
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents) await agent.stop();
    await this.#cloud.stop();
    await this.doors.stop();
    await this.proxy.stop();
  }

  async status(): Promise<Status> {
    return statusSchema.parse(await requestLocal(this.#home.socket, { verb: "status" }));
  }

  /** What stands against sleep. */
  async against(): Promise<readonly string[]> {
    return (await this.#ask({ dryRun: true })).against;
  }

  /** Waits until nothing stands against it, and asks for sleep. */
  async sleep(): Promise<z.infer<typeof vehicleSleep.answer>> {
    await this.until("nothing stands against sleep", async () => (await this.against()).length === 0);
    return await this.#ask({});
  }

  /** Gives up after a while; what throws is tried again. */
  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const probe = async (): Promise<true | undefined> => ((await isSo()) ? true : undefined);
    await until(() => probe().catch(() => undefined), { what, timeoutMs: PATIENCE_MS, everyMs: 20 });
  }

  /** The first of this kind that came after `sinceMs`, ms after it. */
  async arrivalAfter(sinceMs: number, what: Arrival["what"]): Promise<number> {
    const find = (): Arrival | undefined => this.arrivals.find((one) => one.what === what && one.atMs > sinceMs);
    const found = await until(find, { what: `${what} at the cloud`, timeoutMs: PATIENCE_MS, everyMs: 5 });
    return found.atMs - sinceMs;
  }

  async #ask(request: { readonly dryRun?: boolean }): Promise<z.infer<typeof vehicleSleep.answer>> {
    const socket = this.#home.socket.replace("view.sock", "admin.sock");
    return vehicleSleep.answer.parse(await requestLocal(socket, { verb: "vehicle.sleep", ...request }));
  }

  #arrived(topic: string, payload: Uint8Array): void {
    const atMs = performance.now();
    if (!topic.endsWith("/presence")) {
      if (topic.endsWith("/telemetry")) this.arrivals.push({ atMs, what: "record" });
      return;
    }
    const said = presence.parse(JSON.parse(new TextDecoder().decode(payload)));
    this.said.push(said);
    const what = z.enum(["online", "asleep", "lost"]).parse(said.state);
    this.arrivals.push({ atMs, what });
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

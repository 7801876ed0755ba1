import { copyFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { THINNED_MESSAGES, writeAgentConfig } from "../agent/agent-config.ts";
import { AgentSupervisor } from "../agent/agent-supervisor.ts";
import { inspectedProgram, packedProgram } from "../agent/packed-program.ts";
import { type Mosquitto, startMosquitto } from "../broker/mosquitto.ts";
import { type ProxyProcess, startProxy } from "../broker/proxy-process.ts";
import { startAuthority } from "../cloud/authority-process.ts";
import { type Authority, writeIdentity } from "../cloud/certificate-authority.ts";
import { CampaignConsumer } from "../consumers/campaigns/campaign-consumer.ts";
import type { ConsumerConfig } from "../consumers/consumer-protocol.ts";
import { Consumers } from "../consumers/consumers.ts";
import { startTpm, type Tpm } from "../tpm/tpm.ts";
import type { BenchBus } from "../vehicle/bench-bus.ts";
import { type OpenBus, openBus } from "../vehicle/bench-bus-open.ts";
import { type SenderProcess, startSender } from "../vehicle/sender-client.ts";
import type { BenchOptions } from "./bench-options.ts";
import { BenchSink } from "./bench-sink.ts";
import type { BenchState } from "./bench-state.ts";
import { openBreakableBus } from "./breakable-bus.ts";
import { FaultSwitches, type SwitchedParts } from "./fault-switches.ts";
import { replayedSignals } from "./input-files.ts";

/** Thing name of the vehicle on the bench. */
export const BENCH_THING = "bench-truck";
/** Signals of the simulated vehicle that the view shows; of a replayed log as many. */
const WATCHED = [
  "VehicleSpeed.Speed",
  "EngineSpeed.EngineRpm",
  "GearBox.Gear",
  "SteeringColumn.SteeringAngle",
  "BrakePressure.BrakePedal",
  "EngineFluids.CoolantTemperature",
  "BatteryPack.PackVoltage",
  "InertialFusion.GyroZ",
  "Position.Latitude",
  "Odometer.TotalDistance",
];
const DESCRIPTOR = fileURLToPath(new URL("../../../config/proto/telemetry.desc", import.meta.url));
const VEHICLE_DBC = fileURLToPath(new URL("../../../config/bench-vehicle.dbc", import.meta.url));
const CONSUMERS = ["consumer-1", "consumer-2"];

/** Everything that runs, but for the agent, which is not started yet. */
export type BenchParts = {
  readonly bus: OpenBus;
  readonly broker: Mosquitto;
  readonly proxy: ProxyProcess;
  readonly consumers: Consumers;
  /** Undefined where no campaigns run. */
  readonly campaigns: CampaignConsumer | undefined;
  /** Undefined where the cloud's consumer does not run. */
  readonly sink: BenchSink | undefined;
  readonly sender: SenderProcess;
  readonly agent: AgentSupervisor;
  /** Undefined where nobody can switch any. */
  readonly faults: FaultSwitches | undefined;
};

/** Called when a switch has broken or mended something, in words. */
export type Say = (what: string) => void;

/** How each part is stopped, in the order of starting. */
export type Stops = (() => Promise<void>)[];

/** Starts all parts, each in its own process, and notes in `stops` how to end them, also when a later one fails. */
export async function startParts(
  options: BenchOptions,
  state: BenchState,
  stops: Stops,
  say: Say,
): Promise<BenchParts> {
  const authority = await startAuthority(join(state.root, "authority"), state.logs);
  stops.push(authority.stop);
  copyFileSync(authority.caFile, join(state.certs, "ca.pem"));
  const breakable = options.uiPort === undefined ? undefined : await openBreakableBus(state, stops);
  const [broker, tpm, bus] = await startServices(state, authority, stops, breakable?.open);
  const proxy = await startProxy({ host: "127.0.0.1", port: broker.port }, state.logs);
  stops.push(() => proxy.stop());
  const dbcFile = resolve(options.replay?.dbcFile ?? VEHICLE_DBC);
  const watched =
    options.replay === undefined ? WATCHED : await replayedSignals(options.replay.logFile, dbcFile, WATCHED.length);
  const consumers = new Consumers();
  stops.push(() => consumers.stop());
  const campaigns = options.campaigns.length === 0 ? undefined : new CampaignConsumer();
  if (campaigns !== undefined) stops.push(() => campaigns.stop());
  await startConsumers({ options, state, authority, broker, consumers, campaigns, dbcFile, watched });
  const sink = await startSink({ options, state, broker });
  if (sink !== undefined) stops.push(() => sink.stop());
  const sender = await startSending({ options, state, bus, dbcFile });
  stops.push(() => sender.stop());
  const agentBus = breakable?.agentBus ?? bus.bus;
  const environment = { ...tpm.environment, ...breakable?.clock.environment };
  const agent = await prepareAgent({ options, state, authority, proxy, tpm, agentBus, dbcFile, environment });
  const faults =
    breakable === undefined
      ? undefined
      : new FaultSwitches({
          proxy,
          broker,
          busProxy: breakable.proxy,
          clock: breakable.clock,
          consumers: consumersOf(consumers, campaigns),
          say,
        });
  state.writeEnvironment({
    CAUSEWAY_BENCH_MQTT_HOST: broker.host,
    CAUSEWAY_BENCH_MQTT_PORT: `${broker.port}`,
    CAUSEWAY_BENCH_THING: BENCH_THING,
    CAUSEWAY_BENCH_CERTS: state.certs,
    CAUSEWAY_BENCH_CONFIG: state.configFile,
    CAUSEWAY_BENCH_DBC: dbcFile,
    CAUSEWAY_BENCH_BUS: bus.label,
    ...tpm.environment,
  });
  return { bus, broker, proxy, consumers, campaigns, sink, sender, agent, faults };
}

function consumersOf(consumers: Consumers, campaigns: CampaignConsumer | undefined): SwitchedParts["consumers"] {
  return {
    subscriptions: () => Math.min(consumers.subscriptions(), campaigns?.subscriptions ?? Number.POSITIVE_INFINITY),
    arrived: () => consumers.account.records + consumers.account.duplicates,
  };
}

/** Broker, TPM and bus do not need each other. One that fails does not keep the others from being stopped. */
async function startServices(
  state: BenchState,
  authority: Authority,
  stops: Stops,
  opened: OpenBus | undefined,
): Promise<readonly [Mosquitto, Tpm, OpenBus]> {
  const stopping = async <T>(started: Promise<T>, stopOf: (part: T) => Promise<void>): Promise<T> => {
    const part = await started;
    stops.push(() => stopOf(part));
    return part;
  };
  const folder = join(state.root, "mosquitto");
  const broker = stopping(startMosquitto({ folder, authority, things: [BENCH_THING] }), (one) => one.stop());
  const tpm = stopping(startTpm({ folder: join(state.root, "tpm") }), (one) => one.stop());
  const bus = opened === undefined ? stopping(openBus(state.logs), (one) => one.close()) : Promise.resolve(opened);
  await Promise.allSettled([broker, tpm, bus]);
  return await Promise.all([broker, tpm, bus]);
}

async function startConsumers(parts: {
  readonly options: BenchOptions;
  readonly state: BenchState;
  readonly authority: Authority;
  readonly broker: Mosquitto;
  readonly consumers: Consumers;
  readonly campaigns: CampaignConsumer | undefined;
  readonly dbcFile: string;
  readonly watched: readonly string[];
}): Promise<void> {
  const { options, state, broker, consumers, campaigns, dbcFile, watched } = parts;
  const issued = await parts.authority.issue({ commonName: "consumer", usage: "client" });
  const identity = writeIdentity(state.certs, "consumer", issued);
  const configOf = (name: string): ConsumerConfig => {
    return {
      name,
      host: broker.host,
      port: broker.port,
      caFile: broker.caFile,
      ...identity,
      thing: BENCH_THING,
      descriptorFile: DESCRIPTOR,
      dbcFile,
      ...(options.replay === undefined ? {} : { logFile: resolve(options.replay.logFile) }),
      seed: options.seed,
      rate: options.rate,
      thinned: THINNED_MESSAGES,
      repeats: false,
      watched: [...watched],
      ...(campaigns === undefined ? {} : { campaigns: options.campaigns.map((file) => resolve(file)) }),
    };
  };
  const starting = CONSUMERS.map((name) => {
    const config = configOf(name);
    return consumers.start(config, state.writeConfig(name, config), state.logs);
  });
  const config = configOf("campaign-consumer");
  await Promise.all([...starting, campaigns?.start(state.writeConfig(config.name, config), state.logs)]);
}

async function startSink(parts: {
  readonly options: BenchOptions;
  readonly state: BenchState;
  readonly broker: Mosquitto;
}): Promise<BenchSink | undefined> {
  const { options, state, broker } = parts;
  if (options.sinkDir === undefined) return undefined;
  const { host, port, caFile } = broker;
  const identity = { certificateFile: join(state.certs, "consumer.pem"), keyFile: join(state.certs, "consumer.key") };
  return await BenchSink.start(resolve(options.sinkDir), { host, port, caFile, ...identity }, state.logs);
}

function startSending(parts: {
  readonly options: BenchOptions;
  readonly state: BenchState;
  readonly bus: OpenBus;
  readonly dbcFile: string;
}): Promise<SenderProcess> {
  const { options, state, bus, dbcFile } = parts;
  const { replay } = options;
  const config = {
    bus: bus.bus,
    dbcFile,
    seed: options.seed,
    rate: options.rate,
    ...(replay === undefined
      ? {}
      : { replay: { logFile: resolve(replay.logFile), speed: replay.speed * options.rate, loop: replay.loop } }),
  };
  return startSender(replay === undefined ? "vehicle" : "replayer", state.writeConfig("sender", config), state.logs);
}

async function prepareAgent(parts: {
  readonly options: BenchOptions;
  readonly state: BenchState;
  readonly authority: Authority;
  readonly proxy: ProxyProcess;
  readonly tpm: Tpm;
  readonly agentBus: BenchBus;
  readonly dbcFile: string;
  readonly environment: Readonly<Record<string, string>>;
}): Promise<AgentSupervisor> {
  const { options, state, authority, proxy, tpm, dbcFile } = parts;
  const issued = await authority.issue({ commonName: BENCH_THING, usage: "client", publicKeyPem: tpm.publicKeyPem });
  const { certificateFile } = writeIdentity(state.certs, "device", issued);
  options.campaigns.forEach((file, at) => {
    copyFileSync(resolve(file), join(state.campaigns, `${String(at + 1).padStart(3, "0")}.yaml`));
  });
  writeAgentConfig({
    file: state.configFile,
    thing: BENCH_THING,
    stateDir: state.agent,
    runtimeDir: state.runtime,
    bus: parts.agentBus,
    dbcFile,
    collectEverything: options.replay !== undefined,
    broker: { host: "localhost", port: proxy.port, caFile: authority.caFile },
    tpm,
    certificateFile,
    campaignFolder: options.campaigns.length === 0 ? undefined : state.campaigns,
    rootFile: options.rootFile === undefined ? undefined : resolve(options.rootFile),
  });
  return new AgentSupervisor({
    program:
      options.inspectPort === undefined
        ? await packedProgram(join(state.root, "program"))
        : inspectedProgram(options.inspectPort),
    configFile: state.configFile,
    logFile: join(state.logs, "agent.log"),
    environment: parts.environment,
  });
}

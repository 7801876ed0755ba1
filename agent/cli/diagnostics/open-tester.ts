import type { DiagnosticsConfig } from "../../../config/diagnostics.ts";
import { diagnosticsConfig } from "../../../config/diagnostics.ts";
import { loadConfigFile } from "../../../config/load.ts";
import type { AgentConfig, BusConfig } from "../../../config/schema.ts";
import { controllerLook, isOnHost } from "../../../drivers/can/controller.ts";
import { createIsoTp } from "../../../drivers/can/isotp.ts";
import { AgentError } from "../../core/errors.ts";
import { isListenOnly } from "../../daemon/request-ids.ts";
import { createFrameIsoTp } from "../../diagnostics/isotp/frame-isotp.ts";
import { BusTester } from "../../diagnostics/tester/bus-tester.ts";
import { BusFrameTap, type FrameTap } from "../../diagnostics/tester/frame-tap.ts";
import { createOffTester } from "../../diagnostics/tester/off-tester.ts";
import { forTechnician } from "../../diagnostics/tester/technician.ts";
import type { TesterBus } from "../../diagnostics/tester/tester-bus.ts";
import { testerSettings } from "../../diagnostics/tester/tester-settings.ts";
import { TransmitGate } from "../../diagnostics/tester/transmit-gate.ts";
import { statusVerb } from "../../local-api/status-schema.ts";
import { type CanBus, EVERY_FRAME } from "../../ports/can-bus.ts";
import { type CliContext, note } from "../context.ts";
import { openBus, optionalConfig, resolveBus, stderrLog } from "../open-bus.ts";
import { type RunningAgent, runningAgent } from "../running-agent.ts";
import { type LocalCondition, localCondition } from "./local-condition.ts";
import { createRemoteTester } from "./remote-tester.ts";

/** How long a bus is listened to before the first request, ms: another tester shows, and the signals of a condition come. */
const LISTEN_MS = 300;

/** A bus that a verb asks on. */
export type OpenTester = {
  readonly tester: TesterBus;
  /** Frames of the bus; undefined where the running agent has it. */
  readonly tap: FrameTap | undefined;
  close(): Promise<void>;
};

type BusSettings = DiagnosticsConfig["buses"][number];

/**
 * Opens a bus to ask control units on it: through the running agent where it has diagnostics of that bus, otherwise here, with the same
 * manners and the settings of the configuration. A bus that is in no configuration is asked with the defaults, and everything is allowed:
 * who names an interface or an address means it. Without `named` the only bus of `diagnostics` is taken.
 *
 * Throws `bus.unknown`, `bus.unavailable`, `usage.invalid` where no bus is named and there is not exactly one, and the faults of
 * `RunningAgent`.
 */
export async function openTester(context: CliContext, named: string | undefined): Promise<OpenTester> {
  const config = await optionalConfig(context);
  const name = named ?? onlyBus(config);
  const tester = await runningTester(context, config, name);
  if (tester !== undefined) return { tester, tap: undefined, close: async () => undefined };
  return await openHere(context, config, configuredName(config, name));
}

/** The running agent as the tester of a bus that a user named; undefined where none runs, or none with diagnostics of that bus. */
export async function runningTester(
  context: CliContext,
  config: AgentConfig | undefined,
  named: string,
): Promise<TesterBus | undefined> {
  if (named.includes("://")) return undefined;
  const bus = configuredName(config, named);
  const agent = await agentWith(context, bus);
  return agent === undefined ? undefined : createRemoteTester(bus, agent);
}

/** The name of a bus that is named by its interface. */
function configuredName(config: AgentConfig | undefined, named: string): string {
  const found = config?.buses.find((bus) => bus.name === named || (isOnHost(bus) && bus.interface === named));
  return found?.name ?? named;
}

function onlyBus(config: AgentConfig | undefined): string {
  const names = config?.diagnostics?.buses.map(({ bus }) => bus) ?? [];
  if (names.length === 1) return names[0];
  throw new AgentError("usage.invalid", {
    what:
      names.length === 0
        ? "no bus is named, and the configuration has no diagnostics"
        : "several buses have diagnostics",
    remedy: `name one with --bus${names.length === 0 ? ", for example --bus can0" : `: ${names.join(", ")}`}`,
  });
}

/** The running agent, where it has diagnostics of the bus. */
async function agentWith(context: CliContext, bus: string): Promise<RunningAgent | undefined> {
  try {
    const agent = await runningAgent(context);
    const { answer } = await agent.ask(statusVerb, {});
    return answer.diagnostics?.buses.some((one) => one.bus === bus) === true ? agent : undefined;
  } catch (thrown) {
    if (thrown instanceof AgentError && /^(agent\.not-running|config\.)/.test(thrown.code)) return undefined;
    throw thrown;
  }
}

async function openHere(context: CliContext, config: AgentConfig | undefined, name: string): Promise<OpenTester> {
  const settings = settingsOf(config, name);
  if (settings.transmit === undefined) {
    const what = `bus ${name} has no transmit in diagnostics of the configuration: nothing is sent there`;
    return { tester: createOffTester(name, what), tap: undefined, close: async () => undefined };
  }
  const busConfig = await resolveBus(context, name);
  const { condition } = settings.transmit;
  const watched =
    condition === "always"
      ? undefined
      : await localCondition(await loadConfigFile(context.options().config), name, condition, context.clock);
  const tap = new BusFrameTap(() => undefined);
  const gate = gateOf(context, busConfig, watched);
  const bus = await openBus(
    context,
    busConfig,
    EVERY_FRAME,
    (batch) => {
      watched?.onFrames(batch);
      tap.onFrames(batch);
    },
    (state) => gate.onState(state),
  );
  const tester = testerOf(context, { bus, busConfig, tap, gate, transmit: settings.transmit });
  await gate.look();
  await context.clock.sleep(LISTEN_MS, context.signal);
  const close = async (): Promise<void> => {
    tester.stop();
    await bus.stop();
  };
  return { tester: forTechnician(tester, settings.technician), tap, close };
}

/** What the configuration says of the bus; defaults that allow everything where it does not know it. */
function settingsOf(config: AgentConfig | undefined, name: string): BusSettings {
  const isConfigured = config?.buses.some((bus) => bus.name === name) === true;
  const own = config?.diagnostics?.buses.find(({ bus }) => bus === name);
  if (own !== undefined) return own;
  const transmit = isConfigured ? undefined : { condition: "always", requestsPerSecond: 100, silenceSeconds: 60 };
  const bus = "bus";
  const technician = ["clear", "reset", "routines", "write"];
  return diagnosticsConfig.parse({ buses: [{ bus, technician, transmit }] }).buses[0];
}

function gateOf(context: CliContext, bus: BusConfig, watched: LocalCondition | undefined): TransmitGate {
  return new TransmitGate({
    bus: bus.name,
    condition: () => watched?.check(),
    isListenOnly: isListenOnly(bus),
    lookAtController: controllerLook(bus),
    onListenOnly: () => note(context, `the controller of ${bus.name} is set to listen only`),
  });
}

type TesterParts = {
  readonly bus: CanBus;
  readonly busConfig: BusConfig;
  readonly tap: FrameTap;
  readonly gate: TransmitGate;
  readonly transmit: NonNullable<BusSettings["transmit"]>;
};

function testerOf(context: CliContext, { bus, busConfig, tap, gate, transmit }: TesterParts): BusTester {
  const { clock } = context;
  const frames = createFrameIsoTp({ bus: bus.name, send: (frame) => bus.send(frame), tap, clock });
  return new BusTester({
    bus,
    isotp: createIsoTp(busConfig, { frames, permits: () => true, log: stderrLog(context) }),
    tap,
    settings: testerSettings(transmit),
    refusal: () => gate.refusal(),
    notice: ({ detail }) => note(context, detail),
    clock,
  });
}

import { AgentError } from "../../core/errors.ts";
import { addressText, namedEcus, type ObdAddressing, type ObdEcu } from "../../diagnostics/obd/ecu.ts";
import { nameEcus } from "../../diagnostics/obd/ecu-names.ts";
import { ObdClient } from "../../diagnostics/obd/obd-client.ts";
import { findEcus } from "../../diagnostics/obd/scan.ts";
import type { TesterBus } from "../../diagnostics/tester/tester-bus.ts";
import type { CliContext } from "../context.ts";
import { optionalConfig } from "../open-bus.ts";
import { openTester } from "./open-tester.ts";
import { withheldFault } from "./withheld.ts";

/** Options that every verb of `causeway obd` has. */
export type ObdOptions = {
  readonly bus?: string;
  readonly ecu?: string;
  readonly addressing: ObdAddressing;
};

/** A bus, and the ECUs that answered on it. */
export type ObdSession = {
  readonly bus: string;
  readonly clients: readonly ObdClient[];
  readonly signal: AbortSignal;
};

/** Opens the bus, finds the ECUs that are meant, and closes the bus after `act`. Throws what `openTester` and `meetEcus` do. */
export async function withEcus(
  context: CliContext,
  options: ObdOptions,
  act: (session: ObdSession) => Promise<void>,
): Promise<void> {
  const opened = await openTester(context, options.bus);
  try {
    const { bus } = opened.tester;
    const config = await optionalConfig(context);
    const settings = config?.diagnostics?.buses.find((one) => one.bus === bus);
    const configured = settings === undefined ? [] : namedEcus(settings);
    await act(await meetEcus(opened.tester, { ...options, configured }, context.signal));
  } finally {
    await opened.close();
  }
}

/**
 * The ECUs of a bus that answer, by the names of the configuration or those that the agent would give them, or the one that `ecu` names:
 * by its name, or by the id of its answers. Throws `ecu.withheld`, `ecu.silent` where nobody answers, and `usage.invalid` for a name that
 * none has.
 */
export async function meetEcus(
  tester: TesterBus,
  { ecu, addressing, configured }: Omit<ObdOptions, "bus"> & { readonly configured: readonly ObdEcu[] },
  signal: AbortSignal,
): Promise<ObdSession> {
  const found = await findEcus(tester, addressing, "technician", signal);
  if (found.kind === "withheld") throw withheldFault(found);
  if (found.kind === "fault") throw found.fault;
  if (found.ecus.length === 0) {
    throw new AgentError("ecu.silent", {
      what: `no ECU answered OBD-II on ${tester.bus}`,
      remedy: "switch the ignition on, and check that the bus carries OBD-II and has its bit rate (500 or 250 kbit/s)",
    });
  }
  const { named, nameless } = nameEcus(found.ecus, configured);
  const all = [...named, ...nameless.map((address) => ({ ...address, name: addressText(address) }))];
  const here = all.filter((one) => found.ecus.some(({ response }) => response === one.response));
  const meant = ecu === undefined ? here : here.filter((one) => one.name === ecu || addressText(one) === ecu);
  if (meant.length === 0) {
    throw new AgentError("usage.invalid", {
      what: `no ECU ${ecu ?? ""} answers on ${tester.bus}`,
      remedy: `name one of ${here.map((one) => `${one.name} (${addressText(one)})`).join(", ")}`,
    });
  }
  return { bus: tester.bus, clients: meant.map((one) => new ObdClient(tester, one, "technician")), signal };
}

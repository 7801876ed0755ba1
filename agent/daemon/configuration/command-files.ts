import { type Catalogue, catalogueSchema } from "../../../config/catalogue.ts";
import type { DiagnosticsConfig } from "../../../config/diagnostics.ts";
import { loadYamlFile } from "../../../config/load.ts";
import { policySchema } from "../../../config/policy.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import type { TransmitId } from "../../../drivers/can/transmit-filter.ts";
import type { TransmitBus } from "../../commands/actions/actuate.ts";
import { buildCatalogue, type CatalogueFile, transmittedMessages } from "../../commands/actions/catalogue.ts";
import { locate } from "../../commands/actions/locate.ts";
import type { Clock } from "../../core/clock.ts";
import type { EcuDirectory } from "../../diagnostics/ecu-acts.ts";
import type { ProgramCommands } from "../../ports/program-commands.ts";
import { LatestSignals } from "../../signals/latest-signals.ts";
import { findMessage } from "../../signals/message-name.ts";
import type { TableSource } from "../../signals/table-source.ts";
import { ClockSteps } from "../../vehicle/time/clock-steps.ts";
import type { LoadedTable } from "./load-table.ts";

/** The arbitration ids that the catalogue may send on `bus`. */
export function transmitIds(catalogue: Catalogue, sources: readonly TableSource[], bus: string): readonly TransmitId[] {
  const found = transmittedMessages(catalogue, bus).map((name) => findMessage(sources, bus, name));
  return found.flatMap((one) =>
    one.kind === "message" ? [{ id: one.message.id, extended: one.message.extended }] : [],
  );
}

/** The actions that write to a bus; none without a catalogue. Throws `config.invalid`. */
export async function loadCatalogue({ commands }: AgentConfig): Promise<CatalogueFile> {
  if (commands?.catalogueFile !== undefined) return await loadYamlFile(commands.catalogueFile, catalogueSchema);
  return { value: catalogueSchema.parse({ schemaVersion: 1, actions: [] }), locate: () => "no catalogue" };
}

/** Checks what `config` names for remote commands as the agent will at its start, and gives how many actions it lists. Throws `config.invalid`. */
export async function checkCommandFiles(
  config: AgentConfig,
  { table, sources, ecus }: LoadedTable,
  clock: Clock,
): Promise<number> {
  if (config.commands === undefined) return 0;
  await loadYamlFile(config.commands.policyFile, policySchema);
  const state = () => ({ state: "absent", detail: "" }) as const;
  const bus: TransmitBus = { send: async () => undefined, state };
  const signals = new LatestSignals(table, { latestOf: () => undefined });
  if (config.commands.locate !== undefined) locate(config.commands.locate, signals, clock);
  const written = buildCatalogue(await loadCatalogue(config), {
    signals,
    ecus: config.diagnostics === undefined ? undefined : await describedDirectory(ecus, config.diagnostics),
    programs: await programsOf(config),
    steps: new ClockSteps(clock),
    clock,
    busOf: (name) => (config.buses.some((known) => known.name === name) ? bus : undefined),
    messageOf: (name, message) => findMessage(sources, name, message),
  });
  return written.size;
}

/** Nothing of programs is loaded where the configuration has none. */
async function programsOf({ programs }: AgentConfig): Promise<ProgramCommands | undefined> {
  if (programs === undefined) return undefined;
  const { CommandDesk } = await import("../../programs/command-desk.ts");
  // Nobody is asked: what may be asked is looked at.
  return new CommandDesk(programs.clients, () => "");
}

/** Nothing of diagnostics is loaded where the configuration has none. */
async function describedDirectory(ecus: LoadedTable["ecus"], { buses }: DiagnosticsConfig): Promise<EcuDirectory> {
  const { describedEcus, describedNode, describedObd, ecuDirectory } = await import("../ecu-directory.ts");
  const finders = buses.some(({ j1939 }) => j1939 !== undefined) ? [describedNode] : [];
  return ecuDirectory([...describedEcus(ecus), ...describedObd(buses)], finders);
}

import type { Command } from "commander";
import type { Ecu } from "../../../config/ecu.ts";
import { ecuCatalogue } from "../../../config/ecus.ts";
import { loadYamlFile } from "../../../config/load.ts";
import { AgentError } from "../../core/errors.ts";
import { nearestWord } from "../../core/nearest-word.ts";
import type { TesterBus } from "../../diagnostics/tester/tester-bus.ts";
import { UdsAsker } from "../../diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../diagnostics/uds/uds-client.ts";
import type { CliContext } from "../context.ts";
import { optionalConfig } from "../open-bus.ts";
import { openTester } from "./open-tester.ts";

/** Where ECUs are described, and on which bus they are. */
export type UdsOptions = { readonly catalogue?: string; readonly bus?: string };

/** An ECU of the catalogue, and the bus of the configuration that it is on; undefined where the configuration names it on none. */
export type ListedEcu = { readonly ecu: Ecu; readonly bus: string | undefined };

/** The options that say where ECUs are. */
export function withUdsOptions(command: Command): Command {
  return command
    .option("--catalogue <file>", "control units, instead of diagnostics.catalogueFile")
    .option("--bus <bus>", "bus that they are on, instead of the one that the configuration says");
}

/** The ECUs of the catalogue. Throws `input.missing` without one, and what `loadYamlFile` throws. */
export async function listEcus(context: CliContext, { catalogue, bus }: UdsOptions): Promise<readonly ListedEcu[]> {
  const diagnostics = (await optionalConfig(context))?.diagnostics;
  const file = catalogue ?? diagnostics?.catalogueFile;
  if (file === undefined) {
    throw new AgentError("input.missing", {
      what: "the configuration has no diagnostics.catalogueFile, which describes control units",
      remedy: "give it, or name a file with --catalogue FILE; /usr/share/doc/causeway/examples/ecus.yaml is one",
    });
  }
  const { value } = await loadYamlFile(file, ecuCatalogue);
  const buses = diagnostics?.buses ?? [];
  return value.ecus.map((ecu) => ({ ecu, bus: bus ?? buses.find(({ uds }) => uds?.ecus.includes(ecu.name))?.bus }));
}

/**
 * The ECUs with these names; where none is named, all that are on a bus, and all there are when none is. Throws `usage.invalid` for a name
 * that the catalogue does not have.
 */
export function chosenEcus(listed: readonly ListedEcu[], names: readonly string[]): readonly ListedEcu[] {
  if (names.length === 0) {
    const placed = listed.filter(({ bus }) => bus !== undefined);
    return placed.length > 0 ? placed : listed;
  }
  const known = listed.map(({ ecu }) => ecu.name);
  return names.map((name) => {
    const found = listed.find(({ ecu }) => ecu.name === name);
    if (found !== undefined) return found;
    const near = nearestWord(name, known);
    throw new AgentError("usage.invalid", {
      what: `the catalogue has no control unit ${name}`,
      remedy: near === undefined ? `name one of ${known.join(", ")}` : `did you mean ${near}? see causeway uds ecus`,
    });
  });
}

/** Does something with each ECU, one after the other, over the running agent or without it. */
export async function withClients<T>(
  context: CliContext,
  chosen: readonly ListedEcu[],
  act: (client: UdsClient, bus: string) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  const byBus = Map.groupBy(chosen, ({ ecu, bus }) => bus ?? withoutBus(ecu));
  for (const [named, ecus] of byBus) {
    const opened = await openTester(context, named);
    try {
      for (const { ecu } of ecus) {
        if (context.signal.aborted) break;
        results.push(await act(clientOf(context, opened.tester, ecu), opened.tester.bus));
      }
    } finally {
      await opened.close();
    }
  }
  return results;
}

/** Asks an ECU as a technician, who has no key: reading needs no security, and what does is done by signed commands. */
export function clientOf({ clock }: CliContext, tester: TesterBus, ecu: Ecu): UdsClient {
  return new UdsClient(new UdsAsker({ tester, ecu, who: "technician", clock }), noKey);
}

async function noKey() {
  return { kind: "failed", problem: "no security is opened from the command line" } as const;
}

function withoutBus({ name }: Ecu): never {
  throw new AgentError("usage.invalid", {
    what: `no bus of the configuration has ${name} in its uds.ecus`,
    remedy: "name the bus with --bus BUS; causeway bus list shows those there are",
  });
}

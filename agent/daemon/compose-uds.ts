import { makeKey } from "../../drivers/os/make-key.ts";
import { identifyEcus, readEcu } from "../commands/actions/read-ecu.ts";
import type { Service } from "../core/lifecycle.ts";
import type { CodeReader } from "../diagnostics/codes/code-readers.ts";
import type { CodeTracker } from "../diagnostics/codes/code-tracker.ts";
import { ALL_GROUPS } from "../diagnostics/ecu-acts.ts";
import type { Who } from "../diagnostics/tester/tester-bus.ts";
import { AccessTurns } from "../diagnostics/uds/access-turns.ts";
import { actingUdsEcu } from "../diagnostics/uds/acting-ecu.ts";
import { failureText } from "../diagnostics/uds/outcome.ts";
import { pollCodes, readCodes } from "../diagnostics/uds/poll-codes.ts";
import { pollDids } from "../diagnostics/uds/poll-dids.ts";
import { UdsAsker } from "../diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../diagnostics/uds/uds-client.ts";
import { udsMessageName, udsPdu } from "../diagnostics/uds/uds-table.ts";
import type { MessageEntry } from "../signals/signal-entry.ts";
import type { BusEcu } from "./configuration/load-ecus.ts";
import type { DiagnosticBus } from "./diagnostic-bus.ts";
import type { DiagnosticsPart, DiagnosticsParts } from "./diagnostics-parts.ts";
import type { Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** An ECU of the catalogue on its bus. */
type Placed = BusEcu & { readonly on: DiagnosticBus; readonly turns: AccessTurns };
type UdsParts = Pick<DiagnosticsParts, "loaded" | "buses" | "line" | "codes">;

/** The part of the composition root for ECUs of the catalogue: their values and codes, and what commands may ask of them. */
export function composeUds(parts: UdsParts, runtime: Runtime): DiagnosticsPart {
  const { codes } = parts;
  const placed = parts.loaded.checkedTable.ecus.flatMap((ecu): readonly Placed[] => {
    const on = parts.buses.find(({ name }) => name === ecu.bus);
    return on === undefined ? [] : [{ ...ecu, on, turns: new AccessTurns() }];
  });
  for (const { on, ecu } of placed) on.addRequestIds([{ id: ecu.request, extended: ecu.idBits === 29 }]);
  const clientOf = ({ on, ecu, turns }: Placed, who: Who): UdsClient =>
    new UdsClient(new UdsAsker({ tester: on.tester, ecu, who, turns, clock: runtime.clock }), makeKey);
  const commanded = new Map(placed.map((one) => [one.ecu.name, clientOf(one, "command")]));
  for (const one of placed) codes.readers.add(codeReader(one, clientOf(one, "technician"), codes.tracker, runtime));
  return {
    services: placed
      .filter(({ on }) => on.settings.transmit !== undefined)
      .flatMap((one) => pollServices(one, clientOf(one, "poll"), parts, runtime)),
    actions: [readEcu(commanded), identifyEcus(commanded)],
    acting: placed.map((one) => {
      const client = clientOf(one, "command");
      const { bus, ecu } = one;
      const onCleared = (): void => codes.tracker.noteClear({ bus, ecu: ecu.name }, "agent");
      return actingUdsEcu({ ecu, client: () => client, onCleared });
    }),
  };
}

/** Codes when somebody asks for them now, or clears them at the vehicle. */
function codeReader(
  { bus, ecu, settings: { snapshots } }: Placed,
  client: UdsClient,
  tracker: CodeTracker,
  { clock, log }: Runtime,
): CodeReader {
  const onSkipped = skippedIn(log, ecu.name);
  return {
    origin: { bus, ecu: ecu.name, protocol: "uds" },
    read: async (signal) => {
      const reading = await readCodes({ client, bus, codes: tracker, snapshots, clock, onSkipped }, signal);
      if (!("codes" in reading)) return failureText(reading);
      tracker.take([reading]);
      return undefined;
    },
    clear: async (signal) => {
      const outcome = await client.clearCodes(ALL_GROUPS, () => undefined, signal);
      if (outcome.kind !== "done") return failureText(outcome);
      tracker.noteClear({ bus, ecu: ecu.name }, "agent");
      return undefined;
    },
  };
}

function pollServices(
  { bus, ecu, rules, settings }: Placed,
  client: UdsClient,
  { line, loaded, codes: { tracker } }: UdsParts,
  { clock, log }: Runtime,
): readonly Service[] {
  const { pipeline } = line;
  const { table } = loaded.checkedTable;
  const messages = new Map(
    table.messages
      .filter((message) => message.bus === bus && message.name === udsMessageName(ecu.name))
      .map((message): readonly [number, MessageEntry] => [message.arbitrationId, message]),
  );
  const values = loopService(`values of ${ecu.name}`, {
    run: (signal) =>
      pollDids(
        {
          client,
          rules,
          clock,
          isWanted: ({ id }) => table.wantedMessages[messages.get(id)?.index ?? -1] === 1,
          take: ({ id }, bytes, receivedAtUs) => {
            const message = messages.get(id);
            if (message !== undefined) pipeline.takePdu(message, udsPdu(id, bytes), receivedAtUs);
          },
          onRefused: (did, reason) => log.warn("uds.refused", { ecu: ecu.name, did: did.name, reason }),
        },
        signal,
      ),
  });
  const { codesEverySeconds, snapshots } = settings;
  const onSkipped = skippedIn(log, ecu.name);
  const everyMs = codesEverySeconds * 1000;
  const read = loopService(`codes of ${ecu.name}`, {
    run: (signal) => pollCodes({ client, bus, everyMs, snapshots, codes: tracker, clock, onSkipped }, signal),
  });
  return [values, read];
}

function skippedIn(log: Runtime["log"], ecu: string) {
  return (codes: number): void => log.warn("uds.snapshots-skipped", { ecu, codes });
}

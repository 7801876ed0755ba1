import type { FunctionalAnswer, TesterBus, Who } from "../tester/tester-bus.ts";
import { currentDataRequest, parseCurrentData } from "./current-data.ts";
import { addressOf, functionalOf, type ObdAddress, type ObdAddressing } from "./ecu.ts";
import { isMalformed } from "./malformed.ts";
import type { ObdClient, ObdOutcome } from "./obd-client.ts";
import { pidOf } from "./pid-table.ts";

/** How long ECUs may take to answer a functional request: P2 is 50 ms, and a gateway adds to it. FWE listens for 1 s. */
const WINDOW_MS = 1000;
/** Most ECUs of a bus; more than ISO 15765-4 has, and none can be made up beyond. */
const MOST_ECUS = 32;

/** What one ECU says that it has. */
export type EcuSupport = {
  /** PIDs of service 01, ascending. */
  readonly pids: readonly number[];
  /** Kinds of vehicle information (service 09); none where it has no such service. */
  readonly infoTypes: readonly number[];
  /** Whether it answers several PIDs in one request. */
  readonly packs: boolean;
};

/** Which ECUs answered, or why nobody was asked. */
export type FoundEcus =
  | { readonly kind: "found"; readonly ecus: readonly ObdAddress[] }
  | Exclude<ObdOutcome<never>, { readonly kind: "done" | "negative" | "silent" | "malformed" }>;

/** Asks a bus who is there: `01 00` to all, with 11 and with 29 bits. Answers that are none of service 01 count for nothing. */
export async function findEcus(
  tester: TesterBus,
  addressing: ObdAddressing,
  who: Who,
  signal: AbortSignal,
): Promise<FoundEcus> {
  const found: ObdAddress[] = [];
  for (const functional of functionalOf(addressing)) {
    const reply = await tester.askAll(functional, currentDataRequest([0]), WINDOW_MS, who, signal);
    if (reply.kind !== "answers") return reply;
    found.push(...reply.answers.flatMap((answer) => addressOfAnswer(answer, functional.extended)));
  }
  return { kind: "found", ecus: found.slice(0, MOST_ECUS) };
}

function addressOfAnswer({ rxId, pdu }: FunctionalAnswer, extended: boolean): readonly ObdAddress[] {
  const address = isMalformed(parseCurrentData(pdu, new Set([0]))) ? undefined : addressOf(rxId, extended);
  return address === undefined ? [] : [address];
}

/** Asks one ECU what it has. What it does not answer to it does not have; only that nothing can be sent ends it. */
export async function readSupport(client: ObdClient, signal: AbortSignal): Promise<ObdOutcome<EcuSupport>> {
  const pids = await client.supportedPids(signal);
  if (pids.kind !== "done") return pids;
  const infoTypes = await client.infoTypes(signal);
  if (infoTypes.kind === "withheld") return infoTypes;
  const packs = await answersSeveral(client, pids.value, signal);
  const value = { pids: pids.value, infoTypes: infoTypes.kind === "done" ? infoTypes.value : [], packs };
  return { kind: "done", value, receivedAtUs: pids.receivedAtUs };
}

/** Two PIDs in one request: some ECUs refuse that (7F 01 12), or answer the first alone. */
async function answersSeveral(client: ObdClient, pids: readonly number[], signal: AbortSignal): Promise<boolean> {
  const pair = pids.filter((pid) => pidOf(pid) !== undefined && pidOf(pid)?.mostBytes === undefined).slice(0, 2);
  if (pair.length < 2) return false;
  const outcome = await client.currentData(pair, signal);
  return outcome.kind === "done" && outcome.value.values.length === pair.length;
}

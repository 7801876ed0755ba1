import type { Status } from "../../agent/local-api/status-schema.ts";
import { STREAMS } from "../../agent/ports/outbox.ts";
import type { Gaps, LastSeq } from "../../test/bench/consumers/delivery-account.ts";
import { until } from "../../test/bench/core/wait.ts";
import type { Guest } from "./vehicle-guest.ts";

/** The highest committed id of each stream, as the agent says it: what must be delivered whatever happens next. */
export function lastSeqsOf({ outbox }: Pick<Status, "outbox">): readonly LastSeq[] {
  return STREAMS.map((stream) => ({ epoch: outbox.epoch, stream, lastSeq: outbox.streams[stream].lastSeq }));
}

/** Stops the traffic, waits until everything is delivered, and gives the comparison with what was committed. `earlier` are ids of further epochs. */
export async function settle(guest: Guest, earlier: readonly LastSeq[] = []): Promise<Gaps> {
  await guest.sh("systemctl stop guest-traffic");
  const idle = await guest.statusWhen(
    "everything is delivered",
    ({ outbox, delivery }) => outbox.records === 0 && delivery.inFlight === 0,
  );
  // What was still being collected follows within a batch.
  const last = await guest.statusWhen(
    "nothing is stored any more",
    ({ uptimeMs, outbox }) => uptimeMs > idle.uptimeMs + 1500 && outbox.records === 0,
  );
  const lastSeqs = [...earlier, ...lastSeqsOf(last)];
  await until(() => (guest.consumers.account.gaps(lastSeqs).missing === 0 ? true : undefined), {
    what: "the consumer has everything",
    timeoutMs: guest.patience(60_000),
  }).catch(() => undefined);
  return guest.consumers.account.gaps(lastSeqs);
}

/** What of an account contradicts "every committed record was delivered, with the values that were on the bus, and nothing else came"; empty when nothing does. */
export function contradictionsOf(guest: Pick<Guest, "consumers">, gaps: Gaps): readonly string[] {
  const { consumers } = guest;
  const { failure, mismatches, remarks } = consumers;
  const found = [
    failure,
    gaps.missing > 0 ? `${gaps.missing} records missing: ${gaps.examples.join(", ")}` : undefined,
    gaps.reportedLost > 0 ? `${gaps.reportedLost} records reported as lost` : undefined,
    gaps.unknown > 0 ? `${gaps.unknown} records that were never committed` : undefined,
    mismatches > 0 ? `${mismatches} values differ: ${remarks.join("; ")}` : undefined,
    consumers.waiting() > 0 ? "records wait for their signal table" : undefined,
  ];
  return found.filter((line) => line !== undefined);
}

/** Properties of a unit as systemd knows them (systemctl show). */
export async function unitOf(
  guest: Pick<Guest, "sh">,
  name = "causeway",
): Promise<Readonly<Record<string, string | undefined>>> {
  const lines = (await guest.sh(`systemctl show ${name}`)).trim().split("\n");
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

import { expect } from "vitest";
import { STREAMS } from "../../../agent/ports.ts";
import type { Status } from "../../../agent/status.ts";
import type { Gaps, LastSeq } from "../../bench/ledger.ts";
import { until } from "../../bench/wait.ts";
import type { Guest } from "./guest.ts";

/** The highest committed id of each stream, as the agent says it: what must be delivered whatever happens next. */
export function lastSeqsOf({ outbox }: Status): readonly LastSeq[] {
  return STREAMS.map((stream) => ({ epoch: outbox.epoch, stream, lastSeq: outbox.streams[stream].lastSeq }));
}

/** Stops the traffic, waits until everything is delivered, and gives the comparison with what was committed. */
export async function settle(guest: Guest): Promise<Gaps> {
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
  const lastSeqs = lastSeqsOf(last);
  await until(() => (guest.consumers.ledger.gaps(lastSeqs).missing === 0 ? true : undefined), {
    what: "the consumer has everything",
    timeoutMs: 20_000,
  }).catch(() => undefined);
  return guest.consumers.ledger.gaps(lastSeqs);
}

/** Every committed record was delivered, no value differs from what was on the bus, and nothing came that was never committed. */
export function expectWhole(guest: Guest, gaps: Gaps): void {
  const { consumers } = guest;
  expect(consumers.failure).toBeUndefined();
  expect(gaps).toEqual({ missing: 0, reportedLost: 0, unknown: 0, examples: [] });
  expect({ mismatches: consumers.mismatches, remarks: consumers.remarks }).toEqual({ mismatches: 0, remarks: [] });
  expect(consumers.waiting()).toBe(0);
}

/** Properties of a unit as systemd knows them (systemctl show). */
export async function unitOf(guest: Guest, name = "causeway"): Promise<Readonly<Record<string, string | undefined>>> {
  const lines = (await guest.sh(`systemctl show ${name}`)).trim().split("\n");
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

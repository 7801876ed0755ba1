import { printable } from "../core/plain-text.ts";
import { formatCount, formatCounted } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import { healthProblems } from "../telemetry/health.ts";
import { busProblem, isAnswered } from "./bus-problems.ts";
import type { Problem } from "./check.ts";
import { isNotable, rejectionsAndLosses } from "./delivery-checks.ts";

type Bus = Status["buses"][number];

/** Why the agent is degraded, which is worth exit code 3: what its health says, and what it works with all the same: a bus that brings nothing or loses frames, records that are not taken or were lost, a lost ledger, a continuous log that is not written. Empty when all is well. */
export function problemsOf(status: Status): readonly Problem[] {
  const { identity, buses } = status;
  const problems = [
    ...healthProblems(status),
    ...[identity.fault, identity.renewal.fault].filter((fault) => fault !== undefined),
    ...buses.flatMap((bus) => problemsOfBus(bus, status)),
    ...rejectionsAndLosses(status),
    ...ledgerProblems(status),
    ...frameLogProblems(status),
  ];
  return problems.map(({ what, remedy }) => ({ what: printable(what), remedy: printable(remedy) }));
}

function problemsOfBus(bus: Bus, status: Status): readonly Problem[] {
  const silence = busProblem(bus, status.uptimeMs, isAnswered(bus.name, status));
  return [
    ...(isNotable(bus.dropped ?? 0, bus.received) ? [dropProblem(bus)] : []),
    ...(silence === undefined ? [] : [silence]),
  ];
}

function ledgerProblems({ commands }: Status): readonly Problem[] {
  if (commands === undefined || commands.ledger === "sound") return [];
  const { ledger, what = "" } = commands;
  const effect = "commands that act are refused";
  return ledger === "lost"
    ? [
        {
          what: `the ledger of commands was lost: ${what}; ${effect}`,
          remedy: "find out why, then: causeway commands acknowledge",
        },
      ]
    : [
        {
          what: `${what}; ${effect}`,
          remedy: "see that the TPM and the state folder can be used, then restart the agent",
        },
      ];
}

function frameLogProblems({ frameLog }: Status): readonly Problem[] {
  if (frameLog?.state !== "failed") return [];
  return [
    {
      what: `the continuous log is not written: ${frameLog.problem ?? "the disk does not take it"}`,
      remedy: "see that frameLog.folder can be written and its disk has room; it goes on by itself then",
    },
  ];
}

function dropProblem({ name, dropped = 0, received }: Bus): Problem {
  return {
    what: `bus ${name} has lost ${formatCounted(dropped, "frame")} of ${formatCount(received + dropped)}`,
    remedy:
      "find out what keeps the processor busy (top); raise receiveBufferBytes with net.core.rmem_max, and ringFrames",
  };
}

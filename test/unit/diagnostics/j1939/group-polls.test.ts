import { describe, expect, it } from "vitest";
import type { Meaning } from "../../../../agent/diagnostics/j1939/acknowledgement.ts";
import { GroupPolls } from "../../../../agent/diagnostics/j1939/group-polls.ts";
import type { NoAddress } from "../../../../agent/diagnostics/j1939/node.ts";
import type { GroupReply } from "../../../../agent/diagnostics/j1939/request-group.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const ANSWER = { pgn: 65_253, source: 0, destination: 255, data: new Uint8Array(8), receivedAtUs: 0 };
const answered: GroupReply = { kind: "answers", answers: [ANSWER], remarks: [], waitedMs: 3 };
const silent: GroupReply = { kind: "answers", answers: [], remarks: [], waitedMs: 1250 };
const refused = (meaning: Meaning): GroupReply => {
  return { kind: "answers", answers: [], remarks: [{ source: 0, meaning }], waitedMs: 3 };
};

/** A node that says what `say` holds, and notes the second in which it was asked. */
async function poll(say: () => GroupReply | NoAddress, seconds: number) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const asked: string[] = [];
  const request = async (pgn: number, to: number): Promise<GroupReply | NoAddress> => {
    asked.push(`${Math.round((clock.monotonicMs() - 1000) / 1000)}: ${pgn} of ${to}`);
    return say();
  };
  const polls = new GroupPolls({
    bus: "can0",
    node: { request },
    polls: [
      { pgn: 65_253, to: 0, everySeconds: 10 },
      { pgn: 65_227, to: 255, everySeconds: 1800 },
    ],
    clock,
    log,
  });
  const stop = new AbortController();
  const ran = polls.run(stop.signal);
  await clock.run(seconds * 1000);
  stop.abort();
  await ran;
  return { asked, counts: polls.counts, warnings: log.entries.filter(({ level }) => level === "warn").length };
}

describe("polls of groups", () => {
  it("ask at their times, each on its own", async () => {
    const { asked, counts, warnings } = await poll(() => answered, 35);
    expect(asked).toEqual(["0: 65253 of 0", "0: 65227 of 255", "10: 65253 of 0", "20: 65253 of 0", "30: 65253 of 0"]);
    expect(counts).toEqual({ answered: 5, unanswered: 0, refused: 0, withheld: 0 });
    expect(warnings).toBe(0);
  });

  it("ask a node that does not answer ever more rarely, up to once an hour, and say so once", async () => {
    const { asked, counts, warnings } = await poll(() => silent, 3600 * 6);
    expect(asked.filter((text) => text.includes("65253")).map((text) => Number.parseInt(text, 10))).toEqual([
      0, 20, 60, 140, 300, 620, 1260, 2540, 5100, 8700, 12_300, 15_900, 19_500,
    ]);
    expect(counts.unanswered).toBe(asked.length);
    expect(warnings).toBe(2);
  });

  it("take up their pace again with the first answer", async () => {
    let said = 0;
    const { asked } = await poll(() => {
      said += 1;
      return said <= 3 ? silent : answered;
    }, 100);
    expect(asked.filter((text) => text.includes("65253")).map((text) => Number.parseInt(text, 10))).toEqual([
      0, 20, 60, 70, 80, 90, 100,
    ]);
  });

  it.each([
    ["not-supported", "refused"],
    ["denied", "refused"],
    ["busy", "unanswered"],
  ] as const)("count %s as %s", async (meaning, counted) => {
    expect((await poll(() => refused(meaning), 1)).counts[counted]).toBe(2);
  });

  it("keep their pace while the manners of the bus let nothing out, and count a lost address", async () => {
    const withheld = { kind: "withheld", reason: "other-tester", what: "another tester speaks" } as const;
    const { counts, warnings } = await poll(() => withheld, 25);
    expect([counts.withheld, warnings]).toEqual([4, 0]);
    expect((await poll(() => ({ kind: "no-address" }), 1)).counts.unanswered).toBe(2);
  });
});

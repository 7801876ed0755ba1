import { describe, expect, it } from "vitest";
import type { z } from "zod";
import type { LogLine } from "../../../agent/core/recent-log.ts";
import { logsHandlers } from "../../../agent/local-api/logs-handlers.ts";
import { recentLogs } from "../../../agent/local-api/logs-schema.ts";

const LINES = [1, 2, 3].map((n): LogLine => ({ atMs: 0, level: "info", event: "a.counted", facts: { n } }));

/** An agent that began at `startedAtMs` and has logged three lines. */
async function ask(startedAtMs: number, request: z.input<typeof recentLogs.request>) {
  const slice = (_: unknown, __: number, after: number) => ({ lines: LINES.slice(after), omitted: 0 });
  const [verb] = logsHandlers({ startedAtMs, logged: () => LINES.length, slice });
  return recentLogs.answer.parse(
    await verb?.handle({ verb: recentLogs.name, ...request }, new AbortController().signal),
  );
}

describe("logs.recent", () => {
  it("gives what came after the mark of an earlier answer", async () => {
    const { lines, mark } = await ask(7, {});
    expect(lines).toHaveLength(3);
    expect((await ask(7, { after: { ...mark, logged: 2 } })).lines.map(({ facts }) => facts.n)).toEqual([3]);
    expect((await ask(7, { after: mark })).lines).toEqual([]);
  });

  it("leaves nothing out for the mark of another run of the agent", async () => {
    const { mark } = await ask(7, {});
    expect((await ask(8, { after: mark })).lines).toHaveLength(3);
  });
});

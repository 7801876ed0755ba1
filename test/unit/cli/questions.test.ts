import { describe, expect, it } from "vitest";
import type { TextSink } from "../../../agent/cli/context.ts";
import { Questions } from "../../../agent/cli/questions.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { bytesOf } from "../../fakes/daemon/cli-runner.ts";

/** Questions to somebody who types `typed`, in pieces of three bytes, and what was written to them. */
function questions(typed: string, { isAllowed = true, input = true } = {}) {
  const written: string[] = [];
  const stderr: TextSink = {
    write: (text) => void written.push(text),
    isTerminal: true,
    columns: () => 80,
    rows: () => 24,
  };
  const context = { terminal: { stdin: bytesOf(typed, 3), stderr }, options: () => ({ input }) };
  return { asked: new Questions(context, isAllowed), written };
}

function rejection(answer: Promise<string>): Promise<unknown> {
  return answer.then(
    (value) => value,
    (error: unknown) => (error instanceof AgentError ? { code: error.code, what: error.message } : error),
  );
}

describe("Questions", () => {
  it("asks one after the other, and takes an empty line for the usual answer", async () => {
    const { asked, written } = questions("claim.pem\n\n  Zürich 7 \n");
    expect(await asked.ask("Certificate")).toBe("claim.pem");
    expect(await asked.ask("Serial number", "truck-1")).toBe("truck-1");
    expect(await asked.ask("Site")).toBe("Zürich 7");
    expect(written).toEqual(["Certificate: ", "Serial number [truck-1]: ", "Site: "]);
  });

  it("takes a last line without its end, and does not invent an answer after it", async () => {
    const { asked } = questions("truck-1");
    expect(await asked.ask("Serial number")).toBe("truck-1");
    expect(await rejection(asked.ask("Site"))).toEqual({ code: "usage.invalid", what: "Site: there was no answer" });
  });

  it.each([{ isAllowed: false }, { input: false }])("writes nothing and needs a usual answer with %o", async (how) => {
    const { asked, written } = questions("claim.pem\n", how);
    expect(await asked.ask("Serial number", "truck-1")).toBe("truck-1");
    expect(await rejection(asked.ask("Certificate"))).toMatchObject({ code: "usage.invalid" });
    expect(written).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { stepsJob } from "../../../../agent/jobs/handlers/steps-job.ts";
import type { ProgramEnd } from "../../../../agent/ports/update.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const LISTED = [
  { name: "restart-radio", program: "/opt/radio", arguments: ["[a-z]{1,8}", "\\d+"], timeoutSeconds: 5 },
  { name: "tidy", program: "/opt/tidy", arguments: [], timeoutSeconds: 5 },
];
const GOOD: ProgramEnd = { kind: "exited", code: 0, stdout: "done\n", stderr: "", errorLines: 0 };
const never = new AbortController().signal;

function setUp(ends: readonly ProgramEnd[] = []) {
  const left = [...ends];
  const runs: (readonly string[])[] = [];
  const journal = new FakeJournal({ clock: new ManualClock() });
  const run = async (program: string, args: readonly string[]): Promise<ProgramEnd> => {
    runs.push([program, ...args]);
    return left.shift() ?? GOOD;
  };
  const handler = stepsJob({ handlers: LISTED, run, journal });
  const job = {
    jobId: "job-1",
    executionNumber: 1,
    report: () => undefined,
    reportFrom: () => undefined,
    withdrawn: never,
  };
  return { runs, journal, perform: (document: unknown) => handler(document, job, never) };
}

/** A step as AWS's managed templates write it. */
const step = (handler: string, args: readonly string[] = [], more: object = {}, input: object = {}) => ({
  action: {
    name: `run ${handler}`,
    type: "runHandler",
    input: { handler, args, path: "default", ...input },
    runAsUser: "root",
    ...more,
  },
});
const documentOf = (...steps: readonly unknown[]) => ({ version: "1.0", includeStdOut: true, steps });

describe("stepsJob", () => {
  it("runs the steps in order with their arguments as they are, and the final one last", async () => {
    const { runs, perform } = setUp();
    const document = { ...documentOf(step("restart-radio", ["wlan", "7"])), finalStep: step("tidy") };
    expect(await perform(document)).toEqual({ status: "SUCCEEDED", details: { stdout: "done\n" } });
    expect(runs).toEqual([["/opt/radio", "wlan", "7"], ["/opt/tidy"]]);
  });

  it.each([
    ["a handler that is not listed", step("rm", ["-rf"]), /not on the vehicle's list/],
    ["a handler by its path", step("/opt/radio", ["wlan", "7"]), /not on the vehicle's list/],
    ["a path of the job's own", step("tidy", [], {}, { path: "/tmp" }), /no path/],
    [
      "a command line",
      step("tidy", [], { type: "runCommand" }, { command: "sh,-c,reboot" }),
      /runCommand is not taken/,
    ],
    ["shell metacharacters", step("restart-radio", ["wlan; reboot", "7"]), /argument 1/],
    ["a substitution", step("restart-radio", ["$(reboot)", "7"]), /argument 1/],
    ["a line break behind a good argument", step("restart-radio", ["wlan", "7\nreboot"]), /argument 2/],
    ["too many arguments", step("tidy", ["--force"]), /takes 0 arguments/],
    ["too few arguments", step("restart-radio", ["wlan"]), /takes 2 arguments/],
  ])("rejects the whole job for %s, and runs nothing of it", async (_name, bad, reason) => {
    const { runs, perform } = setUp();
    const outcome = await perform(documentOf(step("tidy"), bad));
    expect(outcome).toMatchObject({ status: "REJECTED" });
    expect(JSON.stringify(outcome)).toMatch(reason);
    expect(runs).toEqual([]);
  });

  it("stops at the first step that fails, unless it may", async () => {
    const bad: ProgramEnd = { kind: "exited", code: 3, stdout: "", stderr: "no radio\n", errorLines: 1 };
    const strict = setUp([bad]);
    expect(await strict.perform(documentOf(step("tidy"), step("tidy")))).toEqual({
      status: "FAILED",
      details: { reason: "step run tidy: ended with 3", stderr: "no radio\n" },
    });
    expect(strict.runs).toHaveLength(1);
    const lenient = setUp([bad]);
    const document = documentOf(step("tidy", [], { ignoreStepFailure: "true" }), step("tidy"));
    expect(await lenient.perform(document)).toMatchObject({ status: "SUCCEEDED" });
    expect(lenient.runs).toHaveLength(2);
  });

  it.each<[string, ProgramEnd, object]>([
    ["takes too long", { kind: "timed-out" }, {}],
    ["cannot be run", { kind: "not-run", detail: "ENOENT" }, {}],
    ["says more on stderr than is allowed", { ...GOOD, errorLines: 3 }, { allowStdErr: 2 }],
  ])("fails for a step that %s", async (_name, end, more) => {
    const { perform } = setUp([end]);
    expect(await perform(documentOf(step("tidy", [], more)))).toMatchObject({ status: "FAILED" });
  });

  it("never runs again what it had begun before a restart: nobody knows whether it has acted", async () => {
    const { runs, perform } = setUp();
    await perform(documentOf(step("tidy")));
    expect(await perform(documentOf(step("tidy")))).toEqual({
      status: "FAILED",
      details: { reason: "step run tidy: indeterminate: the agent ended while it ran", stderr: "" },
    });
    expect(runs).toHaveLength(1);
  });
});

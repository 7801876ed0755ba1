import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import {
  artifactsOf,
  installProblem,
  strongestOf,
  supervisorRolledBack,
} from "../../../../agent/updates/steps/artifacts.ts";
import { FakeStepContext, twoArtifacts } from "../../../fakes/updates/step-context.ts";

describe("artifactsOf", () => {
  it("gives each artifact with its file and its installer, in the order of the manifest", () => {
    const context = new FakeStepContext();
    const all = artifactsOf(twoArtifacts(), context);
    expect(all.map(({ fetched }) => fetched.file.split("/")[1])).toEqual(["first", "second"]);
    expect(all[0]?.installer).toBe(context.installer);
  });
});

describe("supervisorRolledBack", () => {
  it("finds the artifact that the supervisor has put back", async () => {
    const context = new FakeStepContext();
    const all = artifactsOf(twoArtifacts(), context);
    expect(await supervisorRolledBack(all)).toBeUndefined();
    context.trial = { kind: "rolled-back", detail: "3 starts" };
    expect(await supervisorRolledBack(all)).toEqual({
      kind: "failed",
      reason: "supervisor-rolled-back",
      detail: "3 starts",
    });
  });
});

describe("strongestOf", () => {
  it("is a start of the system when any part asks for it, then one of the agent", () => {
    expect(strongestOf([])).toBe("at-once");
    expect(strongestOf(["at-once", "restart"])).toBe("restart");
    expect(strongestOf(["reboot", "restart", "at-once"])).toBe("reboot");
  });
});

describe("installProblem", () => {
  it("tells what a disk and an archive did wrong", () => {
    expect(installProblem(Object.assign(new Error("no space"), { code: "ENOSPC" }))).toContain("no space");
    expect(installProblem(new AgentError("update.unfit", { what: "no archive", remedy: "build it anew" }))).toBe(
      "no archive",
    );
  });

  it("lets a bug through", () => {
    expect(() => installProblem(new TypeError("no such field"))).toThrow(TypeError);
  });
});

import { expect, it } from "vitest";
import { collectingSteps } from "../../../agent/daemon/compose-sleep.ts";

it("notes how far the trip has come, and closes what is collected, before the link is left", async () => {
  const done: string[] = [];
  const line = {
    pipeline: { closeWindows: () => void done.push("windows") },
    campaigns: { snapshotBeforeSleep: () => void done.push("snapshot") },
  };
  for (const vehicle of [{ noteTrip: () => void done.push("trip") }, undefined]) {
    for (const step of collectingSteps(line, vehicle)) await step.prepare({ kind: "suspend", withinMs: 5000 }, 5000);
  }
  expect(done).toEqual(["trip", "snapshot", "windows", "snapshot", "windows"]);
});

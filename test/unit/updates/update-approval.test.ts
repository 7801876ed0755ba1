import { expect, it } from "vitest";
import { UpdateApproval } from "../../../agent/updates/update-approval.ts";

it("holds for the update that it was given for, and for no later one", () => {
  let current: string | undefined;
  const word = new UpdateApproval(() => current);
  word.grant();
  expect(word.isGranted()).toBe(false);
  current = "a";
  expect(word.isGranted()).toBe(false);
  word.grant();
  expect(word.isGranted()).toBe(true);
  current = "b";
  expect(word.isGranted()).toBe(false);
});

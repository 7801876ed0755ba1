import { expect, it } from "vitest";
import { GivenWord } from "../../../agent/updates/given-word.ts";

it("holds for the update that it was given for, and for no later one", () => {
  let current: string | undefined;
  const word = new GivenWord(() => current);
  word.give();
  expect(word.holds()).toBe(false);
  current = "a";
  expect(word.holds()).toBe(false);
  word.give();
  expect(word.holds()).toBe(true);
  current = "b";
  expect(word.holds()).toBe(false);
});

import { InvalidArgumentError } from "commander";

/** A whole number of an argument, at least 1. Throws commander's error for anything else. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number of at least 1.");
  return value;
}

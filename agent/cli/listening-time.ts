import { InvalidArgumentError } from "commander";

/** A week: long enough for a person, and within what a timer can hold. */
export const ENDLESS_SECONDS = 604_800;

/** Seconds of an argument. Throws commander's error for what is no time between 0 and a week. */
export function secondsArgument(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= ENDLESS_SECONDS))
    throw new InvalidArgumentError("Give seconds, more than 0 and at most a week.");
  return value;
}

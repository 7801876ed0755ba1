import { InvalidArgumentError, Option } from "commander";
import { type FrameTest, parseCandumpFilters } from "../signals/log-formats/candump-filter.ts";

/** Filters as they were given, and which frames they let through. */
export type FrameFilters = { readonly given: readonly string[]; readonly wants: FrameTest };

/** What a verb with `filterOption` adds to its options. */
export type FilterOptions = { readonly filter?: FrameFilters };

/**
 * `--filter` in candump's notation, for every verb that reads logs: `123:7FF,400~7F0,#FFFFFFFF,j`, in one argument or several. Without it
 * every frame is wanted, error frames too.
 */
export function filterOption(): Option {
  return new Option(
    "--filter <filters>",
    "only frames that candump's filters let through: <id>:<mask>, <id>~<mask>, #<error mask>, j, with commas between; may be given several times",
  ).argParser(addFilters);
}

function addFilters(text: string, earlier: FrameFilters | undefined): FrameFilters {
  const given = [...(earlier?.given ?? []), ...text.split(",")];
  const wants = parseCandumpFilters(given);
  if (typeof wants === "string") throw new InvalidArgumentError(`${wants}, for example 123:7FF,400:700,#FFFFFFFF`);
  return { given, wants };
}

/** What the filters let through; every frame without them. */
export function wantedBy({ filter }: FilterOptions): FrameTest {
  return filter?.wants ?? (() => true);
}

import { printable } from "../../core/plain-text.ts";
import type { Status } from "../../local-api/status-schema.ts";

/** What the agent does otherwise for the state of the vehicle, a line each; nothing where all is as usual. */
export function regimeLines({ regime }: Pick<Status, "regime">): readonly string[] {
  const { state, held } = regime ?? { state: "", held: [] };
  return held.map((what, index) => `${index === 0 ? `${state}`.padEnd(10) : "          "} ${printable(what)}`);
}

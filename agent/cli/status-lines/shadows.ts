import { printable } from "../../core/plain-text.ts";
import { formatCount } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** How far the shadows are; nothing where the agent keeps none. */
export function shadowLines({ shadows }: Pick<Status, "shadows">, colors: Colors): readonly string[] {
  const { state } = shadows ?? {};
  if (state === undefined) return [];
  const { name, updatesToday, omitted, what } = state;
  const how = state.state === "refused" ? colors.red("refused") : state.state.replace("-", " ");
  const updates = `${formatCount(updatesToday)} ${updatesToday === 1 ? "update" : "updates"} today`;
  return [
    `shadow     ${printable(name)} ${how}, ${updates}`,
    ...(omitted.length === 0 ? [] : [`           ${colors.yellow(`no room for ${omitted.join(", ")}`)}`]),
    ...(what === "" ? [] : [`           ${colors.red(printable(what))}`]),
  ];
}

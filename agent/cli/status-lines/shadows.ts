import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import type { ReportedShadowStatus, SettingsStatus } from "../../local-api/shadows-status.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** How far the shadows are, and how the settings do that one desires; nothing where the agent keeps none. */
export function shadowLines({ shadows }: Pick<Status, "shadows">, colors: Colors): readonly string[] {
  const { state, config } = shadows ?? {};
  return [
    ...(state === undefined ? [] : linesOf(state, "", colors)),
    ...(config === undefined ? [] : linesOf(config.reported, `; settings ${settingsText(config.settings)}`, colors)),
    ...(config === undefined || config.settings.reason === ""
      ? []
      : [`           ${colors.yellow(printable(config.settings.reason))}`]),
  ];
}

function settingsText({ state }: SettingsStatus): string {
  return state === "none" ? "none desired" : state.replace("-", " ");
}

function linesOf(shadow: ReportedShadowStatus, further: string, colors: Colors): readonly string[] {
  const { name, updatesToday, omitted, what } = shadow;
  const how = shadow.state === "refused" ? colors.red("refused") : shadow.state.replace("-", " ");
  const updates = `${formatCounted(updatesToday, "update")} today`;
  return [
    `shadow     ${printable(name)} ${how}, ${updates}${further}`,
    ...(omitted.length === 0 ? [] : [`           ${colors.yellow(`no room for ${omitted.join(", ")}`)}`]),
    ...(what === "" ? [] : [`           ${colors.red(printable(what))}`]),
  ];
}

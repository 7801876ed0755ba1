import { Argument, type Command } from "commander";
import pico from "picocolors";
import { EXIT } from "../../core/errors.ts";
import { placePrivate, placeShow } from "../../local-api/place-schema.ts";
import { type CliContext, printJson, printLine } from "../context.ts";
import { runningAgent } from "../running-agent.ts";
import { placeLines } from "../status-lines/place.ts";

type Position = NonNullable<ReturnType<typeof placeShow.answer.parse>["position"]>;

/** `causeway place`: where the vehicle is. */
export function registerPlace(program: Command, context: CliContext): void {
  const place = program.command("place").description("where the vehicle is, and where that is known from");
  place
    .command("show")
    .description("the position as far as it may leave the vehicle, and its sources; 2 when there is none")
    .addHelpText("after", "\nExample:\n  causeway place show\n  causeway place show --json")
    .action(() => show(context));
  place
    .command("private")
    .description("keep positions in the vehicle, over restarts too, or no more; the driver's switch counts besides")
    .addArgument(isOn)
    .addHelpText("after", "\nExample:\n  causeway place private on")
    .action((word: string) => keepPrivate(context, word));
}

const isOn = new Argument("<on|off>").choices(["on", "off"]);

async function keepPrivate(context: CliContext, word: string): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(placePrivate, { isPrivate: word === "on" });
  if (context.options().json) return printJson(context, raw);
  const { isPrivate } = answer.fences;
  if (isPrivate && word === "off") return printLine(context, "the switch in the vehicle keeps positions there");
  printLine(context, isPrivate ? "positions stay in the vehicle" : "positions leave the vehicle as place.privacy says");
}

async function show(context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(placeShow, {});
  const { position, place } = answer;
  if (position === undefined) context.finish(EXIT.nothingToDo);
  if (context.options().json) return printJson(context, raw);
  const colors = pico.createColors(context.options().color);
  if (position !== undefined) printLine(context, positionText(position));
  for (const line of placeLines({ place }, colors)) printLine(context, line);
}

function positionText({ latitude, longitude, altitudeM, speedKph, courseDeg, time }: Position): string {
  const parts = [
    `${latitude.toFixed(6)} ${longitude.toFixed(6)}`,
    ...(altitudeM === undefined ? [] : [`${altitudeM.toFixed(1)} m`]),
    ...(speedKph === undefined ? [] : [`${speedKph.toFixed(1)} km/h`]),
    ...(courseDeg === undefined ? [] : [`${courseDeg.toFixed(0)}°`]),
    time,
  ];
  return `position   ${parts.join(", ")}`;
}

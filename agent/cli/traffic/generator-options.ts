import { type Command, InvalidArgumentError, Option } from "commander";
import { AgentError } from "../../core/errors.ts";
import { largestId } from "../../ports/arbitration-id.ts";
import { CLASSIC_MAX_DATA_BYTES, FRAME_FLAG, FRAME_MAX_DATA_BYTES } from "../../ports/frame.ts";
import { wholeNumber } from "../whole-number.ts";
import type { GeneratedFrames, IdMode, LengthMode, PayloadMode } from "./frame-generator.ts";

/** Options of `can gen`; the letters are cangen's. */
export type GeneratorOptions = {
  /** Milliseconds. */
  readonly gap: number;
  readonly id: IdMode;
  readonly length?: LengthMode;
  readonly data: PayloadMode;
  readonly extended: boolean;
  readonly fd: boolean;
  readonly brs: boolean;
  readonly esi: boolean;
  readonly remote: boolean;
  readonly mix: boolean;
  readonly count?: number;
  readonly seed?: number;
};

/** Adds what says which frames are made and how often. */
export function addGeneratorOptions(command: Command): Command {
  const kinds = new Option("-m, --mix", "a kind of frame at random: 29-bit ids, remote and FD frames").default(false);
  return command
    .option("-g, --gap <ms>", "time between frames; 0: as fast as the bus takes them", gap, 200)
    .addOption(
      new Option("-I, --id <mode>", "r random, e random even, o random odd, i from 0 on, or the id in hexadecimal")
        .argParser(idMode)
        .default({ kind: "random" }, "r"),
    )
    .option(
      "-L, --length <mode>",
      "data bytes: r random, i each length in turn, or so many; with fixed data as many as they are, otherwise r",
      lengthMode,
    )
    .addOption(
      new Option(
        "-D, --data <mode>",
        "r random, i a number that counts up, or bytes in hexadecimal, of which a digit x is random",
      )
        .argParser(payloadMode)
        .default({ kind: "random" }, "r"),
    )
    .option("-e, --extended", "29-bit ids", false)
    .option("-f, --fd", "CAN FD frames", false)
    .option("-b, --brs", "CAN FD frames with switched bit rate", false)
    .option("-E, --esi", "CAN FD frames of a sender that is error-passive", false)
    .option("-R, --remote", "remote frames", false)
    .addOption(kinds.conflicts(["extended", "fd", "brs", "esi", "remote"]))
    .option("-n, --count <frames>", "end after this many frames", wholeNumber)
    .option("--seed <number>", "the same seed makes the same frames; one is chosen, and told, when absent", seed);
}

/** The frames that the options ask for. Throws `usage.invalid` where they exclude one another. */
export function generatedFrames(
  options: GeneratorOptions,
  mixes: { readonly fd: boolean; readonly remote: boolean },
): GeneratedFrames {
  const { id, data, extended, mix } = options;
  const isFd = options.fd || options.brs || options.esi;
  if (isFd && options.remote)
    throw refused("-R with -f, -b or -E: CAN FD has no remote frames", "leave one of them out");
  if (id.kind === "fixed" && id.id > largestId(false) && !extended) {
    throw refused(`-I ${id.id.toString(16).toUpperCase()}: more than 7FF has 29 bits`, "add -e");
  }
  const length = options.length ?? lengthFor(data);
  const most = isFd ? FRAME_MAX_DATA_BYTES : CLASSIC_MAX_DATA_BYTES;
  if (length.kind === "fixed" && length.bytes > most && !mix) {
    throw refused(
      `-L ${length.bytes}: ${isFd ? "an FD" : "a classic"} frame has at most ${most} data bytes`,
      isFd ? "give fewer" : "add -f for CAN FD",
    );
  }
  const flag = (isOn: boolean, bit: number): number => (isOn ? bit : 0);
  const flags =
    flag(extended, FRAME_FLAG.extended) |
    flag(isFd, FRAME_FLAG.fd) |
    flag(options.brs, FRAME_FLAG.bitRateSwitch) |
    flag(options.esi, FRAME_FLAG.errorStateIndicator) |
    flag(options.remote, FRAME_FLAG.remote);
  return { id, length, payload: data, flags, mix: mix ? mixes : undefined };
}

function lengthFor(data: PayloadMode): LengthMode {
  return data.kind === "fixed" ? { kind: "fixed", bytes: Math.ceil(data.nibbles.length / 2) } : { kind: "random" };
}

function refused(what: string, remedy: string): AgentError {
  return new AgentError("usage.invalid", { what, remedy });
}

function idMode(text: string): IdMode {
  switch (text) {
    case "r":
      return { kind: "random" };
    case "e":
      return { kind: "even" };
    case "o":
      return { kind: "odd" };
    case "i":
      return { kind: "increment" };
  }
  const id = /^[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  if (!(id <= largestId(true)))
    throw new InvalidArgumentError("Give r, e, o, i, or an id in hexadecimal (one that begins with e: 0e).");
  return { kind: "fixed", id };
}

function lengthMode(text: string): LengthMode {
  if (text === "r") return { kind: "random" };
  if (text === "i") return { kind: "increment" };
  const bytes = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (!(bytes <= FRAME_MAX_DATA_BYTES))
    throw new InvalidArgumentError(`Give r, i, or 0 to ${FRAME_MAX_DATA_BYTES} bytes.`);
  return { kind: "fixed", bytes };
}

function payloadMode(text: string): PayloadMode {
  if (text === "r") return { kind: "random" };
  if (text === "i") return { kind: "increment" };
  const nibbles = text.replaceAll(".", "");
  if (!/^(?:[0-9a-fx]{2}){1,64}$/i.test(nibbles)) {
    throw new InvalidArgumentError(
      "Give r, i, or 1 to 64 bytes of two hexadecimal digits, such as DEADBEEF or 11xx33.",
    );
  }
  return { kind: "fixed", nibbles };
}

function gap(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 86_400_000) || text.trim() === "")
    throw new InvalidArgumentError("Give milliseconds, 0 to a day.");
  return value;
}

function seed(text: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value >= 0 && value <= 0xffff_ffff))
    throw new InvalidArgumentError("Give a whole number of 0 to 4294967295.");
  return value;
}

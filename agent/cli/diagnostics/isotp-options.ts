import { type Command, InvalidArgumentError } from "commander";
import { DEFAULT_ISOTP } from "../../diagnostics/isotp/default-settings.ts";
import { ISOTP_DATA_BYTES, type IsoTpAddress, type IsoTpDataBytes, type IsoTpSettings } from "../../ports/isotp.ts";
import { separationUsOf } from "../../ports/isotp-settings.ts";

/** An arbitration id as can-utils write it: 8 digits are one of 29 bits. */
export type GivenId = { readonly id: number; readonly extended: boolean };

type Link = Pick<IsoTpSettings, "fd" | "txDataBytes" | "bitRateSwitch">;

/** The letters of isotpsend and isotprecv. */
export type IsoTpOptions = {
  readonly source: GivenId;
  readonly destination: GivenId;
  readonly extended?: { readonly txByte: number; readonly rxByte: number };
  readonly padding?: number;
  readonly link?: Link;
  readonly blockSize?: number;
  readonly stmin?: number;
};

/** CANFD_MTU and CANFD_BRS (linux/can.h), as the option -L has them. */
const FD_MTU = 72;
const BIT_RATE_SWITCH = 1;

/** Adds the ids, of which we send with the first and listen to the second. */
export function addIds(command: Command): Command {
  return command
    .requiredOption("-s, --source <id>", "id that we send with, hexadecimal; 8 digits for 29 bits", arbitrationId)
    .requiredOption("-d, --destination <id>", "id that the other side sends with", arbitrationId);
}

/** Adds what else a conversation may have. */
export function addSettings(command: Command): Command {
  return command
    .option(
      "-x, --extended <addr[:rxaddr]>",
      "address byte before the PCI: extended and mixed addressing",
      addressBytes,
    )
    .option("-p, --padding <byte>", "fills frames up; cc is usual", paddingByte)
    .option(
      "-L, --link <mtu:tx_dl:flags>",
      "72:64:0 sends CAN FD frames of up to 64 bytes, 72:64:1 with BRS",
      linkLayer,
    )
    .option("-b, --block-size <frames>", "hexadecimal; frames between two flow controls of ours, 0 all", hexByte)
    .option("-m, --stmin <byte>", "separation time that we ask for: 0-7f ms, f1-f9 for 100-900 us", hexByte);
}

/** Ids and settings of the options. Throws `usage.invalid` through commander for ids of two lengths. */
export function conversationOf(options: IsoTpOptions): {
  readonly address: IsoTpAddress;
  readonly settings: IsoTpSettings;
} {
  const { source, destination, extended, padding, link, blockSize = 0, stmin = 0 } = options;
  if (source.extended !== destination.extended) throw new InvalidArgumentError("Give both ids the same length.");
  return {
    address: { txId: source.id, rxId: destination.id, extended: source.extended, ...extended },
    settings: { ...DEFAULT_ISOTP, ...link, padding, blockSize, separationUs: separationUsOf(stmin) },
  };
}

/** An arbitration id in hexadecimal. */
export function arbitrationId(text: string): GivenId {
  const extended = text.length === 8;
  const id = /^[0-9a-f]{1,3}$|^[0-9a-f]{8}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  if (!(id <= (extended ? 0x1fff_ffff : 0x7ff))) {
    throw new InvalidArgumentError("Give up to three hexadecimal digits, or eight for 29 bits.");
  }
  return { id, extended };
}

function addressBytes(text: string): { readonly txByte: number; readonly rxByte: number } {
  const [tx, rx = tx, ...rest] = text.split(":");
  if (rest.length > 0) throw new InvalidArgumentError("Give one byte, or two with a colon between them.");
  return { txByte: hexByte(tx), rxByte: hexByte(rx) };
}

/** can-utils write what is sent and what is expected; any padding is taken here. */
function paddingByte(text: string): number {
  return hexByte(text.split(":")[0]);
}

function hexByte(text: string): number {
  if (!/^[0-9a-f]{1,2}$/i.test(text)) throw new InvalidArgumentError("Give a byte in hexadecimal.");
  return Number.parseInt(text, 16);
}

function linkLayer(text: string): Link {
  const [mtu, txDl, flags = 0] = text.split(":").map(Number);
  const txDataBytes = ISOTP_DATA_BYTES.find((bytes: IsoTpDataBytes) => bytes === txDl);
  const fd = mtu === FD_MTU;
  if ((mtu !== 16 && !fd) || txDataBytes === undefined || (!fd && txDataBytes > 8)) {
    throw new InvalidArgumentError("Give 16:8:0, or 72 and 8, 12, 16, 20, 24, 32, 48 or 64.");
  }
  return { fd, txDataBytes, bitRateSwitch: fd && (flags & BIT_RATE_SWITCH) !== 0 };
}

import { LINK_COSTS } from "../../../config/link.ts";
import type { DbcMessage } from "../../signals/dbc/model.ts";
import { undeclaredMessage, undeclaredSignal } from "../../signals/dbc/undeclared.ts";
import type { TableSource } from "../../signals/table-source.ts";
import { valueTexts } from "../../signals/value-texts.ts";
import type { LinkFacts } from "./links.ts";

/** What the table of signals calls the bus of `link.*`, which is none, and its messages. */
export const LINK_BUS = "link";
export const LINK_MESSAGE = "link";

/** Numbers of `link.state`, `link.registration` and `link.technology`; what is not among them has no sample. */
const STATES = [
  "failed",
  "unknown",
  "initializing",
  "locked",
  "disabled",
  "disabling",
  "enabling",
  "enabled",
  "searching",
  "registered",
  "disconnecting",
  "connecting",
  "connected",
] as const;
const REGISTRATIONS = ["unknown", "idle", "searching", "denied", "emergency-only", "home", "roaming"] as const;
const TECHNOLOGIES = [
  "none",
  "gsm",
  "gprs",
  "edge",
  "umts",
  "hsdpa",
  "hsupa",
  "hspa",
  "hspa+",
  "lte-nb-iot",
  "lte-cat-m",
  "lte",
  "5g",
] as const;
const YES_NO = ["no", "yes"] as const;

/** A fact of a link as a signal, whose message is its place in the list. */
type LinkSignal = {
  readonly name: string;
  /** 8 bits without a sign where it has texts or counts percent, else 32 bits with one. */
  readonly bits: 8 | 32;
  readonly factor: number;
  readonly unit: string;
  readonly texts?: readonly string[];
  /** In the unit of the signal, or the number of its text; undefined where it is not known. */
  readonly valueOf: (facts: LinkFacts) => number | undefined;
};

const worded = { bits: 8, factor: 1, unit: "" } as const;
const tenths = { bits: 32, factor: 0.1 } as const;

const SIGNALS: readonly LinkSignal[] = [
  { ...worded, name: "metered", texts: YES_NO, valueOf: ({ isMetered }) => (isMetered ? 1 : 0) },
  { ...worded, name: "cost", texts: LINK_COSTS, valueOf: ({ cost }) => placeIn(LINK_COSTS, cost) },
  { ...worded, name: "state", texts: STATES, valueOf: ({ modem }) => placeIn(STATES, modem?.state) },
  {
    ...worded,
    name: "registration",
    texts: REGISTRATIONS,
    valueOf: ({ modem }) => placeIn(REGISTRATIONS, modem?.registration),
  },
  { ...worded, name: "technology", texts: TECHNOLOGIES, valueOf: ({ modem }) => technologyOf(modem?.technology) },
  { bits: 8, factor: 1, unit: "%", name: "signal", valueOf: ({ modem }) => modem?.signalPercent },
  { ...tenths, unit: "dBm", name: "rsrp", valueOf: ({ modem }) => modem?.rsrpDbm },
  { ...tenths, unit: "dB", name: "rsrq", valueOf: ({ modem }) => modem?.rsrqDb },
];

/**
 * `link.*` as a part of the table of signals: of the link in use whether it is metered, and its cost; of the modem behind it state,
 * registration, technology (the best in use), signal (%), rsrp (dBm), rsrq (dB). A message each, so that each has samples only where it is known.
 */
export function linkTable(file: string): TableSource {
  return {
    bus: LINK_BUS,
    file,
    carriage: "pdus",
    database: { version: "", nodes: [], messages: SIGNALS.map(messageOf) },
  };
}

/** What is known of a link, as the bytes that each message of the table is decoded from; `id` is that of the message. */
export function linkPdus(facts: LinkFacts): readonly { readonly id: number; readonly bytes: Uint8Array }[] {
  return SIGNALS.flatMap(({ bits, factor, valueOf }, id) => {
    const raw = Math.round((valueOf(facts) ?? Number.NaN) / factor);
    const [least, most] = bits === 8 ? [0, 255] : [-(2 ** 31), 2 ** 31 - 1];
    if (!(raw >= least && raw <= most)) return [];
    const bytes = new Uint8Array(bits / 8);
    const view = new DataView(bytes.buffer);
    if (bits === 8) view.setUint8(0, raw);
    else view.setInt32(0, raw, true);
    return [{ id, bytes }];
  });
}

function messageOf({ name, bits, factor, unit, texts }: LinkSignal, id: number): DbcMessage {
  const signal = undeclaredSignal({
    name,
    startBit: 0,
    bits,
    byteOrder: "little",
    kind: "integer",
    signed: bits === 32,
    factor,
    offset: 0,
    unit,
    choices: texts === undefined ? undefined : valueTexts(texts.map((text, raw) => [raw, text])),
  });
  return undeclaredMessage({ id, extended: false, name: LINK_MESSAGE, length: bits / 8, signals: [signal] });
}

function placeIn(words: readonly string[], word: string | undefined): number | undefined {
  const at = word === undefined ? -1 : words.indexOf(word);
  return at === -1 ? undefined : at;
}

/** The best comes first in what ModemManager says. */
function technologyOf(technology: string | undefined): number | undefined {
  return technology === undefined ? undefined : placeIn(TECHNOLOGIES, technology.split(" ")[0] || "none");
}

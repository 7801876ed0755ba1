import { readFileSync } from "node:fs";

/** One signal as the bench reads it from the DBC, by a plain reader that shares nothing with the agent's parser. */
export type VehicleSignal = {
  /** Position over all messages, in the order of the file. */
  readonly index: number;
  readonly message: string;
  readonly name: string;
  /** Start bit in DBC counting: the least significant bit for little endian, the most significant for big endian. */
  readonly startBit: number;
  readonly bits: number;
  readonly bigEndian: boolean;
  readonly signed: boolean;
  readonly kind: "integer" | "float" | "double";
  readonly factor: number;
  readonly offset: number;
  readonly unit: string;
  /** "selector" chooses the branch; a number is the branch that the signal belongs to. */
  readonly multiplex: "selector" | number | undefined;
};

/** One message of the simulated vehicle. */
export type VehicleMessage = {
  readonly index: number;
  readonly name: string;
  readonly id: number;
  readonly extended: boolean;
  readonly fd: boolean;
  readonly length: number;
  readonly periodMs: number;
  readonly signals: readonly VehicleSignal[];
  /** Branches of a multiplexed message, 0 for a plain one. They are numbered from 0. */
  readonly branches: number;
};

/** Top bit of an id in a DBC marks 29 bits; the rest is the arbitration id. */
const EXTENDED_BIT = 0x8000_0000;
/** First of the VFrameFormat values that mean CAN FD ("StandardCAN_FD", "ExtendedCAN_FD"). */
const FIRST_FD_FORMAT = 14;
const SIGNAL = /^\s*SG_ (\w+)(?: (M|m\d+))? : (\d+)\|(\d+)@([01])([+-]) \(([^,]+),([^)]+)\) \[[^\]]*\] "([^"]*)"/;

/** Reads the subset of DBC that config/bench-vehicle.dbc uses: BO_, SG_, SIG_VALTYPE_, GenMsgCycleTime, VFrameFormat. */
export function readVehicle(file: string): readonly VehicleMessage[] {
  const text = readFileSync(file, "utf8");
  const kinds = new Map(
    [...text.matchAll(/^SIG_VALTYPE_ (\d+) (\w+) : ([12]);/gm)].map(([, id, name, type]) => [`${id} ${name}`, type]),
  );
  const periods = attributesOf(text, "GenMsgCycleTime");
  const formats = attributesOf(text, "VFrameFormat");
  let index = 0;
  return text
    .split(/^(?=BO_ )/m)
    .slice(1)
    .map((block, messageIndex) => {
      const head = /^BO_ (\d+) (\w+): (\d+)/.exec(block);
      if (head === null) throw new Error(`${file}: unreadable message: ${block.slice(0, 60)}`);
      const [, id, name, length] = head;
      const signals = block
        .split("\n")
        .map((line) => SIGNAL.exec(line))
        .filter((fields) => fields !== null)
        .map((fields) => signalOf(fields, index++, name, kinds.get(`${id} ${fields[1]}`)));
      const number = Number(id);
      return {
        index: messageIndex,
        name,
        id: number % EXTENDED_BIT,
        extended: number >= EXTENDED_BIT,
        fd: (formats.get(id) ?? 0) >= FIRST_FD_FORMAT,
        length: Number(length),
        periodMs: periods.get(id) ?? 0,
        signals,
        branches: 1 + Math.max(-1, ...signals.map(({ multiplex }) => (typeof multiplex === "number" ? multiplex : -1))),
      };
    });
}

function attributesOf(text: string, name: string): ReadonlyMap<string, number> {
  const lines = text.matchAll(new RegExp(`^BA_ "${name}" BO_ (\\d+) (\\d+);`, "gm"));
  return new Map([...lines].map(([, id, value]) => [id, Number(value)]));
}

function signalOf(fields: RegExpExecArray, index: number, message: string, type: string | undefined): VehicleSignal {
  const [, name, multiplex, startBit, bits, order, sign, factor, offset, unit] = fields;
  return {
    index,
    message,
    name,
    startBit: Number(startBit),
    bits: Number(bits),
    bigEndian: order === "0",
    signed: sign === "-",
    kind: type === "1" ? "float" : type === "2" ? "double" : "integer",
    factor: Number(factor),
    offset: Number(offset),
    unit,
    multiplex: multiplex === undefined ? undefined : multiplex === "M" ? "selector" : Number(multiplex.slice(1)),
  };
}

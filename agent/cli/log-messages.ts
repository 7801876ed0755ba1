import { type CanFrame, FRAME_FLAG } from "../ports/frame.ts";
import { createSignalTable } from "../signals/build-table.ts";
import type { DbcDatabase } from "../signals/dbc/model.ts";
import type { MessageEntry } from "../signals/signal-entry.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import type { MessageAssembly } from "../signals/transport/message-assembly.ts";

/** A frame of a log: its bus, and whether the log has its time. */
export type LogFrame = { readonly bus: string; readonly frame: CanFrame; readonly timed: boolean };

/** A message, and all the bytes of it. */
export type FoundMessage = { readonly message: MessageEntry; readonly bytes: Uint8Array };

/** A DBC file, and the interface of the log whose frames it describes; those of all when there is none. */
export type DecodedLog = {
  readonly file: string;
  readonly database: DbcDatabase;
  readonly interface: string | undefined;
};

/** In the table: the bus of the files that are given for the log as a whole. No interface has this name. */
const EVERY = "*";

/**
 * The signals of a log. What is declared for the interface of a frame goes before what is declared for all.
 * Throws `dbc.invalid` when two files declare the same id for the same interface.
 */
export function logTable(sources: readonly DecodedLog[]): SignalTable {
  return createSignalTable(sources.map((source) => ({ ...source, bus: source.interface ?? EVERY })));
}

/** The messages in the frames of a log, which must come in their order, each once. */
export class LogMessages {
  readonly #table: SignalTable;
  /** By bus of the log: for its own files, and for those of all. */
  readonly #assemblies = new Map<string, readonly MessageAssembly[]>();

  constructor(table: SignalTable) {
    this.#table = table;
  }

  /** The message that the frame is, or ends; "part" for one that is more of a message to come. */
  find({ bus, frame }: LogFrame): FoundMessage | "part" | undefined {
    const { id, flags, data } = frame;
    if ((flags & FRAME_FLAG.error) !== 0) return undefined;
    const extended = (flags & FRAME_FLAG.extended) !== 0;
    // A remote frame asks for data and has none.
    const bytes = (flags & FRAME_FLAG.remote) === 0 ? data : data.subarray(0, 0);
    const message = this.#table.bus(bus).find(id, extended) ?? this.#table.bus(EVERY).find(id, extended);
    if (message !== undefined) return { message, bytes };
    return extended && bytes === data ? this.#findWhole(bus, frame) : undefined;
  }

  #findWhole(bus: string, { id, data, receivedAtUs }: CanFrame): FoundMessage | "part" | undefined {
    let found: FoundMessage | "part" | undefined;
    for (const assembly of this.#assembliesOf(bus)) {
      const step = assembly.take(id, data, 0, data.length, receivedAtUs);
      const message = assembly.carrier(id);
      if (typeof step === "object") found ??= { message: step.message, bytes: step.whole.bytes };
      else if (message !== undefined) found ??= { message, bytes: data };
      else found ??= step;
    }
    return found;
  }

  #assembliesOf(bus: string): readonly MessageAssembly[] {
    const known = this.#assemblies.get(bus);
    if (known !== undefined) return known;
    const fresh = [this.#table.bus(bus).assembly(), this.#table.bus(EVERY).assembly()];
    const assemblies = fresh.filter((one) => one !== undefined);
    this.#assemblies.set(bus, assemblies);
    return assemblies;
  }
}

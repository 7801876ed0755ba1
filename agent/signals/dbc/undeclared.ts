import type { DbcMessage, DbcSignal, SignalLayout } from "./model.ts";

/** What a signal has that no DBC file declares. */
type UndeclaredSignal = SignalLayout &
  Pick<DbcSignal, "name" | "kind" | "signed" | "factor" | "offset" | "unit"> & {
    readonly choices?: DbcSignal["choices"];
  };

/** A signal that no DBC file declares, as one of a file that says nothing besides. */
export function undeclaredSignal({ choices, ...given }: UndeclaredSignal): DbcSignal {
  return {
    ...given,
    minimum: 0,
    maximum: 0,
    receivers: [],
    comment: "",
    multiplexer: false,
    multiplexing: undefined,
    choices,
    spn: undefined,
    line: 0,
  };
}

/** What a message has that no DBC file declares. */
type UndeclaredMessage = Pick<DbcMessage, "id" | "extended" | "name" | "length" | "signals"> & {
  readonly fd?: boolean;
  readonly sender?: string;
  readonly comment?: string;
};

/** A message that no DBC file declares. Which other bits it has is not known. */
export function undeclaredMessage({ fd = false, sender = "", comment = "", ...given }: UndeclaredMessage): DbcMessage {
  return { ...given, pgn: undefined, fd, sender, comment, cycleMs: undefined, complete: false, line: 0 };
}

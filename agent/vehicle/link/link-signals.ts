import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { LINK_BUS, LINK_MESSAGE, linkPdus } from "./link-table.ts";
import type { LinkFacts } from "./links.ts";

/** The link in use as samples of `link.*`, for campaigns and conditions. */
export class LinkSignals {
  readonly #messages: ReadonlyMap<number, MessageEntry>;
  readonly #take: (message: MessageEntry, bytes: Uint8Array, timeUs: number) => void;

  /** `take` as `Pipeline.takePdu`. */
  constructor(
    { messages }: Pick<SignalTable, "messages">,
    take: (message: MessageEntry, bytes: Uint8Array, timeUs: number) => void,
  ) {
    const own = messages.filter(({ bus, name }) => bus === LINK_BUS && name === LINK_MESSAGE);
    this.#messages = new Map(own.map((message) => [message.arbitrationId, message]));
    this.#take = take;
  }

  /** Says all that is known, also what has not changed: conditions ask how old a value is. */
  tell(facts: LinkFacts, timeUs: number): void {
    for (const { id, bytes } of linkPdus(facts)) {
      const message = this.#messages.get(id);
      if (message !== undefined) this.#take(message, bytes, timeUs);
    }
  }
}

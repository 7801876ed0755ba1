import { AgentError } from "../../agent/core/errors.ts";
import { idKey } from "../../agent/ports/arbitration-id.ts";
import type { CanBus } from "../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../agent/ports/frame.ts";

/** An arbitration id that may be sent. */
export type TransmitId = { readonly id: number; readonly extended: boolean };

/** What a bus may send: "any" only for a technician's own tool. */
export type TransmitPermission =
  | "any"
  | {
      /** Of the catalogue of actions. */
      readonly ids: readonly TransmitId[];
      /** Of diagnostics, besides; asked for each frame. */
      readonly requests?: { allows(id: TransmitId): boolean } | undefined;
    };

/** The bus, through which nothing but the permitted ids can be sent: data frames, whoever calls. */
export function limitTransmit(bus: CanBus, permitted: TransmitPermission): CanBus {
  if (permitted === "any") return bus;
  const { ids, requests } = permitted;
  const keys = new Set(ids.map(({ id, extended }) => idKey(id, extended)));
  return {
    name: bus.name,
    start: (sink) => bus.start(sink),
    receive: (filters) => bus.receive(filters),
    facts: () => bus.facts(),
    counters: () => bus.counters(),
    filtered: () => bus.filtered(),
    traffic: () => bus.traffic(),
    stop: () => bus.stop(),
    send: async (frame) => {
      const id = { id: frame.id, extended: (frame.flags & FRAME_FLAG.extended) !== 0 };
      const isAllowed = keys.has(idKey(id.id, id.extended)) || requests?.allows(id) === true;
      if (!isData(frame) || !isAllowed) throw forbidden(bus.name, frame);
      await bus.send(frame);
    },
  };
}

function isData({ flags }: CanFrame): boolean {
  return (flags & (FRAME_FLAG.remote | FRAME_FLAG.error)) === 0;
}

function forbidden(bus: string, { id }: CanFrame): AgentError {
  return new AgentError("bus.transmit-forbidden", {
    what: `bus ${bus}: 0x${id.toString(16)} is in no action of the catalogue and no request of diagnostics, and is not sent`,
    remedy:
      "add an action with its message to commands.catalogueFile, if the vehicle may be moved by it, or transmit to this bus of diagnostics",
  });
}

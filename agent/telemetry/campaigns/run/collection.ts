import type { KeptValue } from "../../../ports/outbox.ts";
import type { SenderSlots } from "../../../signals/signal-slots.ts";
import type { CloseCause } from "../../collect/sampler.ts";
import type { SamplerLink } from "../../collect/sampler-chains.ts";
import type { TriggerCause } from "../../record/encode/trigger.ts";
import type { Gate } from "./gated-samplers.ts";

/** A trigger of a campaign has fired. */
export type TriggerOccasion = {
  /** Counts the triggers of the campaign's version from 1. */
  readonly number: number;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  readonly cause: TriggerCause;
};

/** What a collection holds between two flushes: whether it wants one, and the samples that wait for it. */
export type Look = { readonly isDue: boolean; readonly samples: number };

/** A sampler of a campaign, with the gate that it stands behind where there is one. */
export type CollectionLink = SamplerLink & { readonly gate?: Gate | undefined };

/** How a campaign collects: all the time or while its condition is true, or what lies around each trigger. */
export interface Collection {
  /** What it takes of the frames as they come. Call once. */
  links(): readonly CollectionLink[];
  /** What it takes of a J1939 sender that has just been seen for the first time. */
  admit(sender: SenderSlots): readonly CollectionLink[];
  /** A derived signal, by its place in the document, has a value. On the frame path. */
  takeDerived(index: number, value: number, timeUs: number): void;
  /** The trigger has fired; within a frame or between two. */
  begin(occasion: TriggerOccasion): void;
  /** The condition of mode "while" is true no more. */
  end(timeUs: number): void;
  /** Windows that are due end, what is not of the batch goes on. */
  look(): Look;
  /** Hands over what is due. */
  flush(cause: CloseCause): void;
  /** A trigger that has not ended ends; what it counts in cells goes out, and is kept no more: the campaign has ended, or goes. */
  retire(): void;
  /** What of it must outlive a restart and has changed, as it is after the records that were handed over. */
  takeKept(): readonly KeptValue[];
  /** Samples thrown away so far. */
  discarded(): number;
}

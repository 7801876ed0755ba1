import type { SlotBook, SlotState } from "../worker/slots.ts";
import { number, numberIn, text, textIn } from "./attributes.ts";
import type { DynamodbSettings } from "./settings.ts";
import { createDynamoClient, DynamoTable, type Item } from "./table-client.ts";

/** No thing has this name: it may hold no "#". */
const OWN = "#workers";

/** The slots of `group` in the state table: items `#workers` / `slot#GROUP#SLOT`, that never expire. `close` ends the connections. */
export function openSlotTable(settings: DynamodbSettings, group: string): SlotBook & { close(): void } {
  const client = createDynamoClient(settings);
  const table = new DynamoTable(client, settings.stateTable);
  const keyOf = (slot: number): Item => ({ thing: text(OWN), fact: text(`slot#${group}#${slot}`) });
  return {
    read: async (slot) => {
      const item = await table.get(keyOf(slot));
      return item === undefined ? undefined : stateOf(item);
    },
    write: (slot, { owner, untilMs, hasLeft }, before) => {
      const facts = { slot_owner: text(owner), until_ms: number(untilMs), has_left: number(hasLeft ? 1 : 0) };
      return table.put({ ...keyOf(slot), ...facts }, before === undefined ? ABSENT : unchanged(before));
    },
    close: () => client.destroy(),
  };
}

const ABSENT = { expression: "attribute_not_exists(thing)" };

function unchanged({ owner, untilMs }: SlotState): { readonly expression: string; readonly values: Item } {
  return {
    expression: "slot_owner = :owner AND until_ms = :until",
    values: { ":owner": text(owner), ":until": number(untilMs) },
  };
}

function stateOf(item: Item): SlotState {
  const untilMs = numberIn(item, "until_ms");
  return { owner: textIn(item, "slot_owner"), untilMs, hasLeft: numberIn(item, "has_left") === 1 };
}

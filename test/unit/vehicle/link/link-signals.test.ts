import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { textOf } from "../../../../agent/signals/value-texts.ts";
import { LinkSignals } from "../../../../agent/vehicle/link/link-signals.ts";
import { linkTable } from "../../../../agent/vehicle/link/link-table.ts";
import type { LinkFacts } from "../../../../agent/vehicle/link/links.ts";
import { MODEM } from "../../../fakes/ports/modem.ts";

const WWAN: LinkFacts = { name: "wwan0", isMetered: true, cost: "high", modem: MODEM };

/** The samples of a link as the table decodes them: values, or their texts. */
function samplesOf(facts: LinkFacts): Readonly<Record<string, number | string>> {
  const table = createSignalTable([linkTable("test")]);
  const { values, wides, present } = table;
  const found: Record<string, number | string> = {};
  const signals = new LinkSignals(table, (message, bytes, timeUs) => {
    expect(timeUs).toBe(7);
    message.decode(bytes, 0, bytes.length, values, wides, present);
    const signal = table.signals[message.firstSignal];
    const raw = values[message.firstSignal];
    const text = textOf(signal.texts, raw);
    found[signal.name] = text ?? Math.round(raw * signal.factor * 10) / 10;
  });
  signals.tell(facts, 7);
  return found;
}

describe("link.*", () => {
  it("has samples of all that is known of the link and its modem", () => {
    expect(samplesOf(WWAN)).toEqual({
      metered: "yes",
      cost: "high",
      state: "connected",
      registration: "home",
      technology: "lte",
      signal: 67,
      rsrp: -95.5,
      rsrq: -11,
    });
  });

  it("has no sample of what is not known, or of a word that it has no number for", () => {
    expect(samplesOf({ name: "wlan0", isMetered: false, cost: "free", modem: undefined })).toEqual({
      metered: "no",
      cost: "free",
    });
    const modem = { ...MODEM, state: "something new", technology: "", signalPercent: undefined, rsrpDbm: undefined };
    expect(samplesOf({ ...WWAN, modem: { ...modem, rsrqDb: Number.NaN } })).toEqual({
      metered: "yes",
      cost: "high",
      registration: "home",
      technology: "none",
    });
  });

  it("names the best technology in use", () => {
    expect(samplesOf({ ...WWAN, modem: { ...MODEM, technology: "5g lte" } })).toMatchObject({ technology: "5g" });
  });
});

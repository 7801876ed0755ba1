import { describe, expect, it } from "vitest";
import { udsMessageName, udsPdu, udsTable } from "../../../../agent/diagnostics/uds/uds-table.ts";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { isPresent, rawOf } from "../../../../agent/signals/codec/signal-value.ts";
import { exactSignalName, findSignal } from "../../../../agent/signals/signal-names.ts";
import { textOf } from "../../../../agent/signals/value-texts.ts";
import { bytesOf, ecuOf } from "../../../fakes/diagnostics/ecus.ts";

const ECU = ecuOf({
  dids: [
    {
      id: 0x0101,
      name: "supply",
      length: 2,
      signals: [{ name: "voltage", startBit: 7, bits: 16, factor: 0.01, unit: "V" }],
    },
    {
      id: 0xf1a0,
      name: "cells",
      signals: [
        { name: "first_cell", startBit: 0, bits: 12, byteOrder: "little", signed: true, texts: { "-1": "none" } },
        { name: "last_cell", startBit: 8 * 100 + 7, bits: 16 },
      ],
    },
  ],
});

const TABLE = createSignalTable([udsTable("can0", [{ ecu: ECU, dids: ECU.dids }], "ecus.yaml")]);

function take(did: number, hex: string): Readonly<Record<string, number | bigint>> {
  const message = TABLE.messages.find(({ arbitrationId }) => arbitrationId === did);
  if (message === undefined) return {};
  const pdu = udsPdu(did, bytesOf(hex));
  message.decode(pdu, 0, pdu.length, TABLE.values, TABLE.wides, TABLE.present);
  const own = TABLE.signals.slice(message.firstSignal, message.firstSignal + message.signalCount);
  const there = own.filter((signal) => isPresent(TABLE, message, signal, pdu.length));
  return Object.fromEntries(there.map((signal) => [signal.name, rawOf(TABLE, signal)]));
}

describe("udsTable", () => {
  it("makes each value a signal of its ECU, by a name of its own", () => {
    for (const name of ["voltage", "first_cell", "last_cell"]) {
      const found = findSignal(TABLE, `uds.body.${name}`);
      expect(found.kind === "signal" && found.signal.name).toBe(name);
    }
    const exact = TABLE.signals.map(exactSignalName);
    expect(exact).toEqual([
      "can0/uds.body@0x00000101.voltage",
      "can0/uds.body@0x0000f1a0.first_cell",
      "can0/uds.body@0x0000f1a0.last_cell",
    ]);
    for (const name of exact) expect(findSignal(TABLE, name).kind).toBe("signal");
    expect(udsMessageName("body")).toBe("uds.body");
  });

  it("decodes answers, as far as they go and beyond what a frame holds", () => {
    expect(take(0x0101, "04e2")).toEqual({ voltage: 1250 });
    expect(take(0xf1a0, "ffff")).toEqual({ first_cell: -1 });
    expect(take(0xf1a0, `ff0f${"00".repeat(98)}0123`)).toEqual({ first_cell: -1, last_cell: 0x0123 });
    expect(textOf(TABLE.signals[1].texts, -1)).toBe("none");
  });

  it("decodes as well when only some of an ECU's values are wanted", () => {
    TABLE.want(Uint8Array.of(0, 1, 0));
    expect(take(0xf1a0, `0102${"00".repeat(98)}0456`)).toMatchObject({ first_cell: 0x201 });
    TABLE.want(Uint8Array.of(1, 1, 1));
  });
});

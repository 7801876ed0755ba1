import { describe, expect, it } from "vitest";
import type { IsoTp } from "../../../../agent/ports/isotp.ts";
import { FakeIsoTp } from "../../../fakes/diagnostics/isotp.ts";

const ADDRESS = { txId: 0x7e0, rxId: 0x7e8, extended: false };
const SETTINGS = {
  fd: false,
  bitRateSwitch: false,
  txDataBytes: 8,
  padding: 0xcc,
  blockSize: 0,
  separationUs: 0,
  maxWaitFrames: 10,
  maxPduBytes: 4095,
} as const;

describe("FakeIsoTp", () => {
  it("gives what an ECU sends to whoever has the conversation open", () => {
    const fake = new FakeIsoTp();
    const port: IsoTp = fake;
    const got: Uint8Array[] = [];
    const channel = port.open(ADDRESS, SETTINGS, { onPdu: (pdu) => got.push(pdu), onFault: () => undefined });
    expect(fake.answer(0x7e8, Uint8Array.of(0x50))).toBe(true);
    channel.close();
    expect(fake.answer(0x7e8, Uint8Array.of(0x51))).toBe(false);
    expect(got).toEqual([Uint8Array.of(0x50)]);
  });

  it("keeps what is sent", async () => {
    const fake = new FakeIsoTp();
    const channel = fake.open(ADDRESS, SETTINGS, { onPdu: () => undefined, onFault: () => undefined });
    await channel.send(Uint8Array.of(1, 0));
    await fake.sendFunctional({ txId: 0x7df, extended: false }, SETTINGS, Uint8Array.of(1, 0));
    expect(fake.sent.map(({ txId, isFunctional }) => [txId, isFunctional])).toEqual([
      [0x7e0, false],
      [0x7df, true],
    ]);
  });

  it("ends a send that is stuck when its conversation is closed", async () => {
    const fake = new FakeIsoTp();
    fake.isStuck = true;
    const channel = fake.open(ADDRESS, SETTINGS, { onPdu: () => undefined, onFault: () => undefined });
    const sending = channel.send(Uint8Array.of(1, 0));
    channel.close();
    await expect(sending).rejects.toThrow("ended");
  });
});

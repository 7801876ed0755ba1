import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { DEFAULT_ISOTP } from "../../../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../../../agent/diagnostics/isotp/frame-isotp.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import type { IsoTp, IsoTpAddress, IsoTpSettings } from "../../../../agent/ports/isotp.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { isoTpData } from "../../../fakes/diagnostics/isotp-frames.ts";
import { IsoTpLine, IsoTpRecorder } from "../../../fakes/diagnostics/isotp-line.ts";
import { modelFrames, modelReception } from "../../../fakes/diagnostics/isotp-model.ts";

const ADDRESS: IsoTpAddress = { txId: 0x7e0, rxId: 0x7e8, extended: false };
const SETTINGS: IsoTpSettings = { ...DEFAULT_ISOTP, padding: undefined };
const TWENTY = Uint8Array.from({ length: 20 }, (_, index) => index);

/** How a `send` ended: "sent", or the code of its fault. */
async function outcome(sending: Promise<void>): Promise<string> {
  return sending.then(
    () => "sent",
    (thrown: unknown) => (thrown instanceof AgentError ? thrown.code : String(thrown)),
  );
}

describe("ISO-TP over frames, against a model", () => {
  it("carries PDUs of any length over any settings to the other side, in the frames of the standard", async () => {
    const layouts = fc.record({
      size: fc.constantFrom(8, 8, 12, 32, 64),
      byte: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
      padding: fc.option(fc.constantFrom(0, 0x55, 0xcc), { nil: undefined }),
      blockSize: fc.integer({ min: 0, max: 9 }),
      separationUs: fc.constantFrom(0, 0, 300, 2000),
    });
    const lengths = fc.oneof(
      { arbitrary: fc.integer({ min: 1, max: 700 }), weight: 9 },
      fc.integer({ min: 4000, max: 4500 }),
    );
    await fc.assert(
      fc.asyncProperty(layouts, lengths, async (layout, length) => {
        const pdu = Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
        const { size, byte, padding, blockSize, separationUs } = layout;
        const own = new IsoTpLine();
        const time = new ManualClock();
        const end = (): IsoTp => createFrameIsoTp({ bus: "can0", ...own.end(), clock: time });
        const settings = { ...SETTINGS, fd: size > 8, txDataBytes: size, padding, blockSize, separationUs };
        const got = new IsoTpRecorder();
        const near = end().open({ ...ADDRESS, txByte: byte, rxByte: byte }, settings, new IsoTpRecorder());
        end().open({ txId: 0x7e8, rxId: 0x7e0, extended: false, txByte: byte, rxByte: byte }, settings, got);
        const sending = outcome(near.send(pdu));
        await time.run(3000);
        expect(await sending).toBe("sent");
        expect(got.events).toEqual([Buffer.from(pdu).toString("hex")]);
        const twoDigits = (one: number): string => one.toString(16).padStart(2, "0");
        const model = {
          address: byte === undefined ? "" : twoDigits(byte),
          size,
          pad: padding === undefined ? undefined : twoDigits(padding),
        };
        const sent = own.log.filter((frame) => frame.startsWith("7e0#")).map((frame) => frame.slice(4));
        expect(sent).toEqual(modelFrames(model, pdu));
      }),
      { numRuns: 150, seed: 16_003 },
    );
  });

  it("makes of any frames what the model makes of them, and never throws", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(isoTpData, { minLength: 1, maxLength: 40, size: "max" }), (isFd, frames) => {
        const own = new IsoTpLine();
        const got = new IsoTpRecorder();
        const settings = { ...SETTINGS, fd: isFd, maxPduBytes: 300 };
        createFrameIsoTp({ bus: "can0", ...own.end(), clock: new ManualClock() }).open(ADDRESS, settings, got);
        const fitting = frames.filter((data) => isFd || data.length <= 8);
        for (const data of fitting) {
          own.put({ id: 0x7e8, flags: isFd ? FRAME_FLAG.fd : 0, data, receivedAtUs: 0 });
        }
        const texts = fitting.map((data) => Buffer.from(data).toString("hex"));
        expect(got.events).toEqual(modelReception(texts, 300));
      }),
      { numRuns: 3000, seed: 16_004 },
    );
  });

  it("ends every transmission, whatever comes while it is under way", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(isoTpData, { maxLength: 30, size: "max" }), async (frames) => {
        const own = new IsoTpLine();
        const time = new ManualClock();
        const near = createFrameIsoTp({ bus: "can0", ...own.end(), clock: time });
        const sending = outcome(
          near.open(ADDRESS, { ...SETTINGS, maxWaitFrames: 3 }, new IsoTpRecorder()).send(TWENTY),
        );
        for (const data of frames) {
          own.put({ id: 0x7e8, flags: 0, data, receivedAtUs: 0 });
          await time.run(50);
        }
        await time.run(5000);
        expect([
          "sent",
          "isotp.timeout-flow-control",
          "isotp.overflow",
          "isotp.bad-frame",
          "isotp.too-many-waits",
        ]).toContain(await sending);
        near.close();
        expect(time.waiting()).toBe(0);
      }),
      { numRuns: 300, seed: 16_005 },
    );
  });
});

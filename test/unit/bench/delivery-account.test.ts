import { describe, expect, it } from "vitest";
import { type Delivery, DeliveryAccount } from "../../bench/consumers/delivery-account.ts";

function delivery(seq: number, parts: Partial<Delivery> = {}): Delivery {
  return {
    consumer: "a",
    thing: "veh",
    epoch: 7,
    stream: "telemetry",
    seq,
    samples: 10,
    bytes: 30,
    copies: false,
    standsFor: [],
    ...parts,
  };
}

describe("the ledger", () => {
  it("counts each id once and its repeats as duplicates, whichever consumer got them", () => {
    const ledger = new DeliveryAccount();
    expect(ledger.note(delivery(1))).toBe(true);
    expect(ledger.note(delivery(1, { consumer: "b" }))).toBe(false);
    ledger.note(delivery(1, { stream: "event" }));
    ledger.note(delivery(1, { epoch: 8 }));
    expect(ledger).toMatchObject({ records: 3, duplicates: 1, samples: 30, payloadBytes: 90 });
  });

  it("takes one copy of a signal table at each consumer as delivered once", () => {
    const ledger = new DeliveryAccount();
    for (const consumer of ["a", "b"]) ledger.note(delivery(1, { consumer, copies: true }));
    expect(ledger).toMatchObject({ records: 1, duplicates: 0 });
    ledger.note(delivery(1, { consumer: "b", copies: true }));
    expect(ledger.duplicates).toBe(1);
  });

  it("calls a stored record that neither came nor was reported lost a gap, also at the very end", () => {
    const ledger = new DeliveryAccount();
    for (const seq of [1, 2, 5]) ledger.note(delivery(seq));
    ledger.noteLoss({ epoch: 7, stream: "telemetry", first: 4, last: 4 });
    expect(ledger.holes()).toBe(1);
    expect(ledger.gaps([{ epoch: 7, stream: "telemetry", lastSeq: 6 }])).toEqual({
      missing: 2,
      reportedLost: 1,
      thinned: 0,
      unknown: 0,
      examples: ["7/telemetry/3", "7/telemetry/6"],
    });
  });

  describe("of thinned records", () => {
    const range = { epoch: 7, stream: "telemetry", first: 1, last: 5, kept: { first: 6, last: 8 } };
    const lastSeqs = [{ epoch: 7, stream: "telemetry", lastSeq: 8 }];
    const came = (ledger: DeliveryAccount, seqs: readonly number[]): void => {
      for (const seq of seqs) ledger.note(delivery(seq));
    };

    it("has no gap where another record stands for them and a loss says so, whole ones between them or not", () => {
      const ledger = new DeliveryAccount();
      came(ledger, [2, 6, 8]);
      ledger.note(delivery(7, { standsFor: [1, 3, 4, 5] }));
      ledger.noteLoss(range);
      expect(ledger.holes()).toBe(0);
      expect(ledger.gaps(lastSeqs)).toMatchObject({ missing: 0, reportedLost: 0, thinned: 4 });
    });

    it("calls one a gap that no delivered record stands for", () => {
      const ledger = new DeliveryAccount();
      came(ledger, [2, 6, 8]);
      ledger.note(delivery(7, { standsFor: [1, 3, 5] }));
      ledger.noteLoss(range);
      expect(ledger.gaps(lastSeqs)).toMatchObject({ missing: 1, thinned: 3, examples: ["7/telemetry/4"] });
    });

    it("calls it a gap when no loss says so", () => {
      const ledger = new DeliveryAccount();
      came(ledger, [2, 3, 4, 5, 6, 8]);
      ledger.note(delivery(7, { standsFor: [1] }));
      expect(ledger.gaps(lastSeqs)).toMatchObject({ missing: 1, thinned: 0 });
    });

    it("takes them as lost when the record that stood for them is lost", () => {
      const ledger = new DeliveryAccount();
      came(ledger, [2, 6, 8]);
      ledger.noteLoss(range);
      ledger.noteLoss({ epoch: 7, stream: "telemetry", first: 7, last: 7 });
      expect(ledger.gaps(lastSeqs)).toMatchObject({ missing: 0, reportedLost: 5, thinned: 0 });
    });
  });

  it("notices ids that the outbox never gave", () => {
    const ledger = new DeliveryAccount();
    ledger.note(delivery(1));
    ledger.note(delivery(9));
    ledger.note(delivery(1, { epoch: 8 }));
    expect(ledger.gaps([{ epoch: 7, stream: "telemetry", lastSeq: 1 }])).toMatchObject({ missing: 0, unknown: 2 });
  });
});

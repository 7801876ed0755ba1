import { expect, it } from "vitest";
import { DerivedQueue } from "../../../../../agent/telemetry/campaigns/run/derived-queue.ts";

it("hands samples out when it is told to, each once, in their order, however many", () => {
  const out: string[] = [];
  const queue = new DerivedQueue({
    takeDerived: (output, value, timeUs) => void out.push(`${output}=${value}@${timeUs}`),
  });
  const samples = Array.from({ length: 50 }, (_, n) => n);
  for (const n of samples) queue.takeDerived(n % 3, n / 2, 1_767_225_600_000_000 + n);
  expect(out).toEqual([]);
  queue.handOut();
  queue.handOut();
  expect(out).toEqual(samples.map((n) => `${n % 3}=${n / 2}@${1_767_225_600_000_000 + n}`));
});

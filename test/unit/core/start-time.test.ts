import { expect, it } from "vitest";
import { StartTime } from "../../../agent/core/start-time.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

it("tells one start over suspends and the reading of two clocks, and another where the clock is set", () => {
  const clock = new ManualClock({ monotonicMs: 5000 });
  const bornUs = clock.wallUs() - 2_000_000;
  const start = new StartTime(clock, 3000);
  expect(start.us()).toBe(bornUs);
  clock.suspend(86_400_000);
  clock.stepWall(700);
  clock.advance(1000);
  expect(start.us()).toBe(bornUs);
  clock.stepWall(60_000_000);
  expect(start.us()).toBe(bornUs + 60_000_700);
});

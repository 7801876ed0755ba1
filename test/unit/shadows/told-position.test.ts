import { describe, expect, it } from "vitest";
import { ToldPositionChoice } from "../../../agent/shadows/told-position.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

const SETTINGS = { everyMs: 1_800_000, moveMetres: 200, decimals: 3 };
const BERLIN = { latitude: 52.520_008, longitude: 13.404_954 };
/** A minute of arc of latitude, the nautical mile: 1852 m. */
const MILE = 1 / 60;

describe("ToldPositionChoice", () => {
  it("rounds, and tells the same place until the time is over and the vehicle has moved", () => {
    const clock = new ManualClock();
    const choice = new ToldPositionChoice(SETTINGS, clock);
    const told = { latitude: 52.52, longitude: 13.405 };
    expect(choice.choose(BERLIN)).toEqual(told);
    const moved = { ...BERLIN, latitude: BERLIN.latitude + MILE };
    expect(choice.choose(moved)).toEqual(told);
    clock.advance(1_800_000);
    expect(choice.choose({ ...BERLIN, latitude: BERLIN.latitude + MILE / 12 })).toEqual(told);
    expect(choice.choose(moved)).toEqual({ latitude: 52.537, longitude: 13.405 });
  });

  it("takes the position back at once where it may not be told, and tells none sooner for that", () => {
    const clock = new ManualClock();
    const choice = new ToldPositionChoice(SETTINGS, clock);
    choice.choose(BERLIN);
    expect(choice.choose(undefined)).toBeUndefined();
    clock.advance(60_000);
    expect(choice.choose(BERLIN)).toBeUndefined();
    clock.advance(1_800_000);
    expect(choice.choose(BERLIN)).toBeDefined();
  });

  it.each([
    ["across the antimeridian", [0, 179.9995], [0, -179.9995], false],
    ["east by a sixth of a minute on the 60th parallel: 154 m", [60, 10], [60, 10 + MILE / 6], false],
    ["east by the same on the equator: 309 m", [0, 10], [0, 10 + MILE / 6], true],
  ] as const)("knows how far it is %s", (_, [fromLatitude, fromLongitude], [latitude, longitude], hasMoved) => {
    const clock = new ManualClock();
    const choice = new ToldPositionChoice(SETTINGS, clock);
    const before = choice.choose({ latitude: fromLatitude, longitude: fromLongitude });
    clock.advance(1_800_000);
    expect(choice.choose({ latitude, longitude }) !== before).toBe(hasMoved);
  });
});

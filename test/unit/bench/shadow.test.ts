import { describe, expect, it } from "vitest";
import { CloudShadows } from "../../bench/cloud/shadow.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";

const BASE = "$aws/things/veh-1/shadow/name/state";

/** A service whose answers wait for `broker.sent`. */
async function service(): Promise<{ readonly broker: FakeBroker; readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const broker = new FakeBroker({ clock, answer: () => undefined });
  broker.start();
  await new CloudShadows(broker).start();
  return { broker, clock };
}

const answers = (broker: FakeBroker): readonly string[] =>
  broker.publications.map(
    ({ topic, payload }) => `${topic.slice(BASE.length + 1)} ${new TextDecoder().decode(payload)}`,
  );

describe("the shadows of the bench", () => {
  it("take ten requests of a thing at a time, and refuse the eleventh with 429", async () => {
    const { broker, clock } = await service();
    const ask = (thing: string, times: number): void => {
      for (let turn = 0; turn < times; turn++) {
        broker.inject(`$aws/things/${thing}/shadow/name/state/get`, new TextEncoder().encode("{}"));
      }
    };
    ask("veh-1", 11);
    await clock.run(1);
    expect(
      answers(broker)
        .map((answer) => answer.replace(/"message".*/, ""))
        .toSorted(),
    ).toEqual([...Array.from({ length: 10 }, () => 'get/rejected {"code":404,'), 'get/rejected {"code":429,']);
    ask("veh-2", 1);
    await clock.run(1);
    expect(answers(broker).at(-1)).toContain('"code":404');
    for (const sent of broker.sent) sent.settle({ kind: "acked" });
    await clock.run(1);
    ask("veh-1", 1);
    await clock.run(1);
    expect(answers(broker).at(-1)).toContain('"code":404');
  });

  it("refuse what is not UTF-8 with 415, and what is no JSON with 400", async () => {
    const { broker, clock } = await service();
    broker.inject(`${BASE}/update`, Uint8Array.of(0x7b, 0xff, 0x7d));
    broker.inject(`${BASE}/update`, new TextEncoder().encode("{"));
    await clock.run(1);
    expect(answers(broker).map((answer) => answer.slice(0, 27))).toEqual([
      'update/rejected {"code":415',
      'update/rejected {"code":400',
    ]);
  });
});

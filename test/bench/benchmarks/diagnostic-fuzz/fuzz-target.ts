import type { Dice } from "../campaign-grammar.ts";

/** One parser under fire. */
export type FuzzCourse = {
  /** Makes an input and offers it; gives it back, for the report should anything be wrong with it. Throwing is wrong. */
  offer(): unknown;
  /** What is wrong with what it keeps: more than its bounds allow. */
  overfull?(): string | undefined;
  /** How many inputs it took for whole, so that a fuzz that never gets past the first byte is seen; and what it counted. */
  counts(): Readonly<Record<string, number>>;
};

/** A parser by name. One that is offered whole files gets only one of `oneOf` inputs. */
export type FuzzTarget = {
  readonly name: string;
  readonly oneOf?: number | undefined;
  readonly start: (dice: Dice) => FuzzCourse;
};

/** A parser of bytes that answers with something, "malformed" where they make no sense. */
export function pduTarget(
  name: string,
  sound: readonly string[],
  parse: (pdu: Uint8Array) => unknown,
  make: (dice: Dice, sound: readonly string[]) => Uint8Array,
): FuzzTarget {
  const start = (dice: Dice): FuzzCourse => {
    let [read, refused] = [0, 0];
    return {
      offer: () => {
        const pdu = make(dice, sound);
        try {
          if (isRefusal(parse(pdu))) refused += 1;
          else read += 1;
        } catch (cause) {
          throw new Error(Buffer.from(pdu).toString("hex"), { cause });
        }
      },
      counts: () => ({ read, refused }),
    };
  };
  return { name, start };
}

function isRefusal(result: unknown): boolean {
  if (result === undefined || typeof result === "string") return true;
  return typeof result === "object" && result !== null && "kind" in result && result.kind === "malformed";
}

import { z } from "zod";

/** A name that must stand for one signal; see `findSignal`. */
export const signalName = z
  .string()
  .min(1)
  .max(256)
  .describe(
    "MESSAGE.SIGNAL, BUS/MESSAGE.SIGNAL where several buses have it, BUS/MESSAGE@0xID.SIGNAL where several messages of a bus have the name (ids of 29 bits with 8 digits); of a message known by its PGN the id picks the sender; or a path in VSS, with values in its unit there",
  );

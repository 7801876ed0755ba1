/** An answer that is not as SAE J1979 says; `problem` is for people and logs, and holds nothing of the vehicle's data. */
export type Malformed = { readonly kind: "malformed"; readonly problem: string };

/** Says what is wrong with an answer. */
export function malformed(problem: string): Malformed {
  return { kind: "malformed", problem };
}

/** "0x0c" of a service, PID or the like. */
export function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}

/** Whether an answer, read, is malformed. */
export function isMalformed(read: { readonly kind: string } | Malformed): read is Malformed {
  return read.kind === "malformed";
}

/** The operation of a job document, "steps" for one that has steps instead; or why the document is not taken. */
export type JobOperation = { readonly operation: string } | { readonly rejection: string };

/** Reads which of the operations `known` a document is for. */
export function operationOf(document: unknown, known: Readonly<Record<string, unknown>>): JobOperation {
  if (document === undefined) return { rejection: "malformed: the job has no document" };
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    return { rejection: "malformed: the document is no object" };
  }
  const operation = nameOf(document);
  if (operation === undefined) return { rejection: "unsupported: the document names no operation" };
  return Object.hasOwn(known, operation) ? { operation } : { rejection: `unsupported: operation ${operation}` };
}

function nameOf(document: object): string | undefined {
  if ("operation" in document && typeof document.operation === "string") return document.operation;
  return "steps" in document ? "steps" : undefined;
}
